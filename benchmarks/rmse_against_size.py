"""Compares test RMSE and size of RRN and of stationary models, on the split of other libraries' models.

    python -m benchmarks.rmse_against_size peers/splits/movietweetings-2013.npz runs/sizes --figure sizes.png

Every model is fitted to the training ratings, with options (regulariser, epochs) chosen on the validation ratings;
predictions are frozen. See `benchmarks.movietweetings_peers` for the split.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import pandas as pd

from benchmarks.rating_split import PeerSplit, read_split
from rrn_tf.baselines.ratings.autorec import AutoRec
from rrn_tf.baselines.ratings.bayesian_factors import BayesianFactors
from rrn_tf.baselines.ratings.bias import UserItemBias
from rrn_tf.baselines.ratings.pmf import PMF
from rrn_tf.baselines.ratings.protocol import Baseline
from rrn_tf.cli.options import json_option, one_line_errors, write_json
from rrn_tf.config import RRN_PLUS, load_config
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.environment import environment
from rrn_tf.evaluation.metrics import rmse
from rrn_tf.features import ITEM_ID, RATING, TIMESTAMP, USER_ID, Side, Split
from rrn_tf.runs.directory import RunPaths
from rrn_tf.runs.training_run import train_run
from rrn_tf.serving.saved_rrn import SavedRRN

# Number of networks in the ensemble, and units of each.
NETWORKS = ((1, 8), (1, 16), (1, 32), (2, 32), (8, 32))
FACTORS = 8
BASELINES: dict[str, list[Callable[[], Baseline]]] = {
    "user and item bias": [UserItemBias],
    "Bayesian factors": [partial(BayesianFactors, k) for k in (2, 8, 32)],
    "PMF": [partial(PMF, factors=k) for k in (1, 2, 5, 10, 20, 40, 80, 160)],
    "I-AutoRec": [partial(AutoRec, Side.ITEM, hidden=k) for k in (10, 50, 150, 500)],
}


class Point(NamedTuple):
    """One model of one size.

    Attributes:
      family: kind of model.
      parameters: number of values that the model stores.
      test: RMSE on the test ratings.
    """

    family: str
    parameters: int
    test: float


@click.command()
@click.argument("split", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--figure", type=click.Path(dir_okay=False, path_type=Path), help="Also draw a figure.")
@json_option
def main(split: Path, folder: Path, figure: Path | None, json_file: str | None) -> None:
    """Trains every size into FOLDER, or loads its run, and prints a line for each."""
    rows = read_split(split)
    folder.mkdir(parents=True, exist_ok=True)
    for part in (Split.TRAIN, Split.VALID):
        rows.frames[part].to_csv(folder / f"{part.label}.csv", index=False)
    found = []
    with one_line_errors():
        for point in _points(rows, folder):
            click.echo(f"{point.family:20} {point.parameters:>12,} {point.test:.4f}")
            found.append(point)
        if figure:
            _draw(found, figure)
    write_json(json_file, {"models": [point._asdict() for point in found], **environment(0)})


def _points(rows: PeerSplit, folder: Path) -> Iterator[Point]:
    test = rows.frames[Split.TEST]
    for factors in (0, FACTORS):
        for ensemble, units in NETWORKS:
            paths = RunPaths(folder / f"{ensemble}x{units}-{factors}")
            if not paths.metrics.exists():
                sizes = {"ensemble": ensemble, "units": units, "embedding": units, "bayesian_factors": factors}
                settings = [f"model.{name}={value}" for name, value in sizes.items()]
                files = (str(folder / f"{part.label}.csv") for part in (Split.TRAIN, Split.VALID))
                train_run(next(files), paths.root, load_config(RRN_PLUS, settings), valid=next(files))
            saved = SavedRRN(paths.model)
            predicted = saved.predict(*(test[name].to_numpy() for name in (USER_ID, ITEM_ID, TIMESTAMP)))
            family = "RRN" if factors else "RRN without Bayesian factors"
            yield Point(family, saved.num_parameters, _test_rmse(rows, predicted))
    sequences = load_sequences(paths.sequences)
    train, valid = (sequences.interactions([part]) for part in (Split.TRAIN, Split.VALID))
    user, item = (_indices(sequences, side, test[name]) for side, name in ((Side.USER, USER_ID), (Side.ITEM, ITEM_ID)))
    for family, sizes_of in BASELINES.items():
        for make in sizes_of:
            fitted = make().fit(train, valid)
            predicted = fitted.predict(user, item, test[TIMESTAMP].to_numpy())
            yield Point(family, fitted.num_parameters, _test_rmse(rows, predicted))


def _indices(sequences: RatingSequences, side: Side, ids: pd.Series) -> np.ndarray:
    return pd.Categorical(ids, categories=sequences.ids(side)).codes.astype(np.int32) + 1


def _test_rmse(rows: PeerSplit, predicted: np.ndarray) -> float:
    actual = rows.frames[Split.TEST][RATING].to_numpy()
    return rmse(np.clip(predicted, *rows.rating_range), actual)


def _draw(points: list[Point], file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for family in dict.fromkeys(point.family for point in points):
        of_family = sorted(point[1:] for point in points if point.family == family)
        axes.plot(*zip(*of_family, strict=True), marker="o", markersize=4, label=family)
    axes.set(xscale="log", xlabel="stored numbers", ylabel="test RMSE (frozen)")
    axes.grid(alpha=0.3)
    axes.legend()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)


if __name__ == "__main__":
    main()
