"""Ablation from the paper's preset to `rrn-plus`, adding one extension at a time, on the split of other libraries.

    python -m benchmarks.rating_ablation peers/splits/movietweetings-2013.npz runs/ablation --markdown table.md

Each configuration is trained to its best epoch on the validation ratings; test ratings are reported once. See
`benchmarks.movietweetings_peers` for the split.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from benchmarks.rating_split import predictions, read_split
from rrn_tf.cli.options import SET_HELP, json_option, one_line_errors, write_json
from rrn_tf.config import load_config
from rrn_tf.environment import environment
from rrn_tf.evaluation.metrics import rmse
from rrn_tf.evaluation.protocols import PROTOCOLS
from rrn_tf.evaluation.tables import aligned_text, markdown
from rrn_tf.features import RATING, Split
from rrn_tf.runs.directory import RunPaths
from rrn_tf.runs.training_run import train_run
from rrn_tf.serving.saved_rrn import SavedRRN


class Rung(NamedTuple):
    """A configuration of the ablation: a preset and its overrides."""

    name: str
    preset: str
    settings: tuple[str, ...] = ()


_NETWORK = ("model.bayesian_factors=0",)
_ALONE = (*_NETWORK, "model.ensemble=1")
_RATINGS = ("model.inputs=ratings", "model.include_opposite_state=false")
_BY_TIME = (*_ALONE, "data.steps_per_doubling=0")
_WEEKS = (*_BY_TIME, "data.item_granularity=7d")
LADDER = (
    Rung("paper", "paper-netflix"),
    Rung("biases as start", "paper-netflix", ("training.pretraining=bias",)),
    Rung(
        "no factors, decaying rates",
        "rrn-plus",
        (
            *_RATINGS,
            "model.time_feature=wallclock",
            *_WEEKS,
            "training.learning_rate=3e-4",
            "training.network_l2=3e-3",
        ),
    ),
    Rung("innovations", "rrn-plus", ("model.include_opposite_state=false", "model.time_feature=wallclock", *_WEEKS)),
    Rung("gaps", "rrn-plus", ("model.include_opposite_state=false", *_WEEKS)),
    Rung("opposite states as inputs", "rrn-plus", _WEEKS),
    Rung("days of items", "rrn-plus", _BY_TIME),
    Rung("steps by count: one network, no Bayesian factors", "rrn-plus", _ALONE),
    Rung("aside: dropout", "rrn-plus", (*_ALONE, "training.dropout=0.2")),
    Rung("two networks", "rrn-plus", _NETWORK),
    Rung("aside: Bayesian factors alone", "rrn-plus", ("training.epochs=0",)),
    Rung("Bayesian factors beside it: rrn-plus", "rrn-plus"),
)
HEADINGS = ["", *(f"{protocol} {split}" for protocol in PROTOCOLS for split in ("valid", "test")), "parameters", "s"]


@click.command()
@click.argument("split", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=f"{SET_HELP} For all configurations.")
@click.option(
    "--markdown", "markdown_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write the table."
)
@json_option
def main(
    split: Path, folder: Path, overrides: tuple[str, ...], markdown_file: Path | None, json_file: str | None
) -> None:
    """Trains every configuration into FOLDER, or loads its run, and prints a line for each."""
    rows = read_split(split)
    folder.mkdir(parents=True, exist_ok=True)
    files = {part: folder / f"{part.label}.csv" for part in (Split.TRAIN, Split.VALID)}
    for part, file in files.items():
        rows.frames[part].to_csv(file, index=False)
    actual, valid = rows.later[RATING].to_numpy(), len(rows.frames[Split.VALID])
    found = []
    with one_line_errors():
        for number, rung in enumerate(LADDER):
            paths = RunPaths(folder / f"{number}-{rung.name.split(':')[0].replace(' ', '-')}")
            click.echo(rung.name)
            if not paths.metrics.exists():
                config = load_config(rung.preset, [*rung.settings, *overrides])
                train_run(str(files[Split.TRAIN]), paths.root, config, valid=str(files[Split.VALID]))
            begin, saved = time.perf_counter(), SavedRRN(paths.model)
            errors = {}
            for protocol, predicted in zip(PROTOCOLS, predictions(saved, rows.later).values(), strict=True):
                clipped = np.clip(predicted, *rows.rating_range)
                errors[protocol] = {
                    "valid": rmse(clipped[:valid], actual[:valid]),
                    "test": rmse(clipped[valid:], actual[valid:]),
                }
            summary = json.loads(paths.metrics.read_text())
            found.append(
                {
                    "rung": rung.name,
                    **errors,
                    "parameters": saved.num_parameters,
                    "train_seconds": summary["seconds"]["train"],
                    "predict_seconds": time.perf_counter() - begin,
                }
            )
            click.echo(aligned_text(HEADINGS, [_cells(found[-1])]))
    lines = [_cells(line) for line in found]
    click.echo(aligned_text(HEADINGS, lines))
    if markdown_file:
        markdown_file.write_text(markdown(HEADINGS, lines) + "\n")
    write_json(json_file, {"rungs": found, **environment(0)})


def _cells(line: dict[str, Any]) -> list[str]:
    errors = [f"{line[protocol][part]:.4f}" for protocol in PROTOCOLS for part in ("valid", "test")]
    return [line["rung"], *errors, f"{line['parameters']:,}", f"{line['train_seconds']:.0f}"]


if __name__ == "__main__":
    main()
