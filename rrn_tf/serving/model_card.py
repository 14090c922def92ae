"""Writes a model card for readers, and the same facts as JSON for programs, to a SavedModel's `assets.extra`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rrn_tf.data.model_folder import EXTRA
from rrn_tf.features import METADATA_FILE
from rrn_tf.times import utc_text
from rrn_tf.version import __version__

CARD = "model_card.md"
OF_RATINGS, OF_EVENTS = "Recurrent Recommender Network", "Collaborative Recurrent Neural Network"


@dataclass(frozen=True)
class ModelFacts:
    """The facts of a model card.

    Attributes:
      model: kind of model.
      purpose: a sentence on what the model predicts.
      data: figures of the data, by name.
      period: unix seconds of moments such as the cutoff, by name.
      settings: settings of the network.
      metrics: ``{split: {protocol: {figure: value}}}``, computed after training.
      limits: sentences on the model's limits.
      parts: sentences on the model's parts and how they are summed.
    """

    model: str
    purpose: str
    data: Mapping[str, Any]
    period: Mapping[str, int]
    settings: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, Mapping[str, float]]]
    limits: tuple[str, ...]
    parts: tuple[str, ...] = ()


def write_card(path: Path, facts: ModelFacts) -> None:
    """Writes `model_card.md` and `metadata.json` into the `assets.extra` of a SavedModel's directory."""
    folder = path / EXTRA
    folder.mkdir(exist_ok=True)
    (folder / CARD).write_text(_card(facts), encoding="utf-8")
    (folder / METADATA_FILE).write_text(json.dumps({"version": __version__, **asdict(facts)}, indent=2) + "\n")


def _card(facts: ModelFacts) -> str:
    lines = [f"# {facts.model}", "", facts.purpose, "", f"Saved by rrn_tf {__version__}.", ""]
    lines += [
        "## Data",
        "",
        *_table({**facts.data, **{what: utc_text(time) for what, time in facts.period.items()}}),
        "",
    ]
    if facts.parts:
        lines += ["## Parts", "", *(f"- {part}" for part in facts.parts), ""]
    lines += ["## Metrics", ""]
    if facts.metrics:
        lines += ["| split | protocol | figures |", "|---|---|---|"]
        lines += [
            f"| {split} | {protocol} | {', '.join(f'{name} {value:,.5g}' for name, value in figures.items())} |"
            for split, protocols in facts.metrics.items()
            for protocol, figures in protocols.items()
        ]
    else:
        lines += ["None: this model was not evaluated when it was saved."]
    lines += ["", "## Settings", "", *_table(facts.settings), ""]
    lines += ["## Limits", "", *(f"- {limit}" for limit in facts.limits), ""]
    return "\n".join(lines)


def _table(values: Mapping[str, Any]) -> list[str]:
    shown = {name: f"{value:,}" if isinstance(value, int) else str(value) for name, value in values.items()}
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in shown.items())]
