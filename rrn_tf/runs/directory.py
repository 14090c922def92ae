"""A run directory: where everything lies, and how it is filled once.

config.yaml          the resolved configuration
sequences/           prepared data: sequences, vocabularies, metadata
dead_letters.jsonl   rejected rows
logs/                TensorBoard
checkpoints/         where training stands, and the best weights
source.json          which data the sequences were prepared from
model/               the SavedModel
metrics.json         figures of every split
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rrn_tf.config import AnyConfig, dump_config, load_config
from rrn_tf.files import write_whole


class ResumeError(ValueError):
    """A run that cannot go on; the message says where, what was expected and what was found."""


@dataclass(frozen=True)
class RunPaths:
    """Paths inside a run directory."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config.yaml"

    @property
    def sequences(self) -> Path:
        return self.root / "sequences"

    @property
    def dead_letters(self) -> Path:
        return self.root / "dead_letters.jsonl"

    @property
    def source(self) -> Path:
        return self.root / "source.json"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.json"


def prepare_once(
    paths: RunPaths, config: AnyConfig, source: Mapping[str, str | None], prepare: Callable[[], Any], *, resume: bool
) -> bool:
    """Fills a run directory up to its sequences, unless it is to be resumed and holds them already.

    Args:
      paths: of the run directory.
      config: of the run; its sections `data` and `model` must be those of a run that is resumed.
      source: what the sequences are prepared from.
      prepare: prepares them.
      resume: go on with the run that the directory holds.

    Returns:
      Whether the directory held them: training then goes on.

    Raises:
      ResumeError: where the directory holds a run on other data or with another model.
    """
    paths.root.mkdir(parents=True, exist_ok=True)
    resumed = resume and paths.config.exists() and paths.source.exists()
    if resumed:
        _check_resumable(paths, config, source)
    else:
        paths.source.unlink(missing_ok=True)
        shutil.rmtree(paths.checkpoints, ignore_errors=True)
    dump_config(config, paths.config)
    if not resumed:
        prepare()
        # Written last: its presence means that everything before it is complete.
        write_whole(paths.source, json.dumps(source))
    return resumed


def _check_resumable(paths: RunPaths, config: AnyConfig, source: Mapping[str, str | None]) -> None:
    """Other rates or more epochs may go on from a checkpoint; other data or another network may not."""
    own_source = json.loads(paths.source.read_text())
    # Runs of an earlier version name only the files that they had.
    if any(own_source.get(name) != files for name, files in source.items()):
        raise ResumeError(
            f"{paths.root}: expected the run's own data {json.dumps(own_source)}, found {json.dumps(source)}"
        )
    before = load_config(paths.config, kind=type(config))
    for section in ("data", "model"):
        own, new = (dataclasses.asdict(getattr(c, section)) for c in (before, config))
        for key in own:
            if own[key] != new[key]:
                raise ResumeError(
                    f"{paths.config}: expected the run's own {section}.{key}={own[key]}, found {new[key]}"
                )
