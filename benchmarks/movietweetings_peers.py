"""Trains RRN on the split of other libraries' models (the peers), and writes its predictions in their format.

The split is an ``.npz`` of `train`, `valid` and `test`, each float or int [N, 4]: user, item, rating, unix seconds; the
peers' predictions are float32 ``.npy`` of the validation rows, then the test rows. Their streaming models observe every
row of the three with a strictly smaller timestamp; RRN observes the rows of strictly earlier time steps.

    python -m benchmarks.movietweetings_peers export peers/splits/movietweetings-2013.npz csv
    rrn train --data csv/train.csv --valid csv/valid.csv --output runs/rrn
    python -m benchmarks.movietweetings_peers predict peers/splits/movietweetings-2013.npz runs/rrn
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np

from benchmarks.rating_split import predictions, read_split
from rrn_tf.cli.options import one_line_errors
from rrn_tf.evaluation.metrics import rmse
from rrn_tf.features import RATING, TIMESTAMP, Split
from rrn_tf.serving.saved_rrn import SavedRRN


@click.group()
def main() -> None:
    """Compares RRN with other libraries' models on their split."""


@main.command()
@click.argument("split", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def export(split: Path, folder: Path) -> None:
    """Writes FOLDER/train.csv, valid.csv and test.csv for `rrn train --data train.csv --valid valid.csv`."""
    folder.mkdir(parents=True, exist_ok=True)
    with one_line_errors():
        for part, frame in read_split(split).frames.items():
            frame.to_csv(folder / f"{part.label}.csv", index=False)
            click.echo(f"{folder / part.label}.csv: {len(frame):,} ratings")


@main.command()
@click.argument("split", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("models", nargs=-1, required=True, metavar="[NAME=]MODEL...")
@click.option(
    "--peers",
    type=click.Path(file_okay=False, path_type=Path),
    help="The peers' folder; by default two levels above SPLIT.",
)
def predict(split: Path, models: tuple[str, ...], peers: Path | None) -> None:
    """Writes predictions of run directories or SavedModels to the peers' `preds` and `results.jsonl`.

    Each model is written as two, NAME and '[stream] NAME'; NAME is the directory's name by default.
    """
    with one_line_errors():
        rows, folder = read_split(split), peers or split.parent.parent
        (folder / "preds").mkdir(exist_ok=True)
        later, (low, high) = rows.later, rows.rating_range
        actual, valid = later[RATING].to_numpy(), len(rows.frames[Split.VALID])
        parts = {Split.VALID.label: slice(valid), Split.TEST.label: slice(valid, None)}
        for model in models:
            name, path = model.split("=", 1) if "=" in model else (Path(model).name, model)
            saved = SavedRRN(path)
            if saved.cutoff <= (last := rows.frames[Split.TRAIN][TIMESTAMP].max()):
                raise ValueError(f"{path}: expected a model of ratings up to {last}, found the cutoff {saved.cutoff}")
            for prefix, predicted in predictions(saved, later).items():
                clipped = np.clip(predicted, low, high)
                np.save(folder / "preds" / f"{split.stem}__{(prefix + name).replace(' ', '_')}.npy", clipped)
                figures = {part: rmse(clipped[at], actual[at]) for part, at in parts.items()}
                line = {"data": split.stem, "model": prefix + name, "lib": "rrn_tf", **figures, **_cost(Path(path))}
                with (folder / "results.jsonl").open("a") as results:
                    results.write(json.dumps(line) + "\n")
                click.echo(f"{prefix}{name}: " + ", ".join(f"{part} {value:.4f}" for part, value in figures.items()))


def _cost(path: Path) -> dict[str, float]:
    """Reads seconds and memory of a run for the peers' table; NaN if the path is no run directory."""
    metrics = path / "metrics.json"
    known = json.loads(metrics.read_text()) if metrics.exists() else {}
    seconds = known.get("seconds", {}).get("train", float("nan"))
    memory = known.get("peak_memory_bytes", float("nan")) / 2**20
    return {"wall_best": seconds, "wall_grid": seconds, "rss_mb": memory}


if __name__ == "__main__":
    main()
