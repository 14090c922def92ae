"""Compares states updated by new ratings with models that are retrained on them (Section 4.5 and Figure 11 of RRN).

    python -m benchmarks.update_without_retraining ratings.csv.gz runs/fresh --markdown fresh.md

RRN is trained once, on the earliest 80 % of all ratings, with the last tenth of these for choosing its best epoch. The
others are cut into slices of time. Each slice is predicted before it is observed: by RRN with states updated by every
earlier slice (and, as in streaming, by all ratings of strictly earlier steps), by RRN with frozen states, and by a
matrix factorisation and biases that are fitted anew to all ratings before the slice, with options chosen on the same
ratings as RRN's epoch.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.baselines.ratings.bias import UserItemBias
from rrn_tf.baselines.ratings.pmf import PMF
from rrn_tf.baselines.ratings.protocol import Baseline
from rrn_tf.cli.options import CONFIG_HELP, SET_HELP, json_option, one_line_errors, write_json
from rrn_tf.config import RRN_PLUS, load_config
from rrn_tf.data.interactions import Interactions
from rrn_tf.environment import environment
from rrn_tf.evaluation.metrics import rmse, rmse_difference, rmse_standard_error
from rrn_tf.evaluation.tables import aligned_text, markdown
from rrn_tf.features import COLUMNS, ITEM_ID, RATING, TIMESTAMP, USER_ID
from rrn_tf.runs.directory import RunPaths
from rrn_tf.runs.training_run import train_run
from rrn_tf.runs.update_run import update_run
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.streaming import predict_streaming

_EARLY, _FITTED = 0.8, 0.9  # fractions: early ones of all ratings by time, and those of the early ones for fitting
UPDATED, FROZEN = "RRN updated", "RRN frozen"
LEVELS = (0.0, 0.5, 1.0, 1.5, 2.0, np.inf)

Values = npt.NDArray[np.floating]


class Slices(NamedTuple):
    """Ratings in order of time, cut into slices.

    Attributes:
      frame: all ratings.
      fitted: number of ratings for fitting, before those for choosing options.
      begins: int64[S + 1], positions where the slices after training begin, and the end.
    """

    frame: pd.DataFrame
    fitted: int
    begins: npt.NDArray[np.int64]

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        return np.diff(self.begins)


def cut(frame: pd.DataFrame, slices: int) -> Slices:
    """Cuts ratings by time, with all ratings of one second in the same slice."""
    frame = frame.sort_values(TIMESTAMP, kind="stable", ignore_index=True)
    times, early = frame[TIMESTAMP].to_numpy(), int(_EARLY * len(frame))
    wanted = np.linspace(early, len(frame), slices + 1).astype(np.int64)
    wanted = np.array([int(_FITTED * early), *wanted])
    at = np.searchsorted(times, times[np.minimum(wanted, len(frame) - 1)])
    at[-1] = len(frame)
    if (np.diff(at) <= 0).any():
        raise ValueError(f"expected ratings at times that make {slices} slices, found {len(frame):,}")
    return Slices(frame, int(at[0]), at[1:])


def retrained(
    data: Slices, choose: Callable[[], Baseline], fixed: Callable[[Any], Baseline]
) -> tuple[Values, list[float]]:
    """Predicts each slice by a model fitted to all ratings before it; also returns the seconds of each fit.

    Args:
      data: the ratings.
      choose: creates a model that chooses its options on validation ratings.
      fixed: creates a model with the options that the given fitted one chose.
    """
    codes = [pd.factorize(data.frame[name])[0].astype(np.int32) + 1 for name in (USER_ID, ITEM_ID)]
    rating, times = data.frame[RATING].to_numpy(np.float32), data.frame[TIMESTAMP].to_numpy()
    users, items = (int(code.max()) for code in codes)
    table = Interactions(codes[0], codes[1], rating, times, users, items)
    rows = np.arange(len(table))
    nothing = table.take(rows[:0])
    chosen = choose().fit(table.take(rows[: data.fitted]), table.take(rows[data.fitted : data.begins[0]]))
    predicted, seconds = [], []
    for begin, end in zip(data.begins[:-1], data.begins[1:], strict=True):
        started, before, after = time.perf_counter(), table.take(rows[:begin]), table.take(rows[begin:end])
        model = fixed(chosen).fit(before, nothing)
        seconds.append(time.perf_counter() - started)
        found = model.predict(after.user, after.item, after.timestamp)
        predicted.append(np.clip(found, before.rating.min(), before.rating.max()))
    return np.concatenate(predicted), seconds


def updated_and_frozen(data: Slices, run: RunPaths, folder: Path) -> tuple[dict[str, Values], list[float]]:
    """Predicts each slice by the updated and by the frozen model; also returns the seconds of each update.

    Before the first slice, the model is updated by the ratings that were used for choosing the epoch.
    """
    frozen: SavedRRN | None = None
    found: dict[str, list[Values]] = {UPDATED: [], FROZEN: []}
    model, seconds = run.root, []
    for number, (begin, end) in enumerate(
        zip([data.fitted, *data.begins[:-1]], [*data.begins[:1], *data.begins[1:]], strict=True)
    ):
        part = data.frame[begin:end]
        if number:
            saved = SavedRRN(model)
            frozen = frozen or saved
            queries = {name: part[name].to_numpy() for name in (USER_ID, ITEM_ID, TIMESTAMP)}
            found[FROZEN].append(frozen.predict(**queries))
            found[UPDATED].append(predict_streaming(saved, **queries, rating=part[RATING]))
        file = folder / f"slice-{number}.csv"
        part.to_csv(file, index=False)
        started = time.perf_counter()
        model = Path(update_run(model, str(file), folder / f"updated-{number}")["model"]).parent
        if number:
            seconds.append(time.perf_counter() - started)
    return {name: np.concatenate(parts) for name, parts in found.items()}, seconds


def by_fluctuation(
    later: pd.DataFrame, number: npt.NDArray[np.int64], predicted: dict[str, Values], least: int
) -> list[dict[str, Any]]:
    """Computes the gain of updates by fluctuation, the range of an item's mean ratings over slices (Figure 11).

    Args:
      later: ratings of all slices.
      number: int64[N], slice of each rating.
      predicted: float[N], predictions by model.
      least: the fewest ratings of an item in a slice with which its mean is used.
    """
    means = later.groupby([ITEM_ID, pd.Series(number, later.index, name="slice")])[RATING].agg(["mean", "size"])
    means = means[means["size"] >= least].groupby(ITEM_ID)["mean"].agg(["max", "min", "size"])
    means = means[means["size"] > 1]
    fluctuation = later[ITEM_ID].map(means["max"] - means["min"]).to_numpy()
    actual, users = later[RATING].to_numpy(float), pd.factorize(later[USER_ID])[0]
    lines = []
    for low, high in itertools.pairwise(LEVELS):
        rows = np.flatnonzero((fluctuation >= low) & (fluctuation < high))
        if not len(rows):
            continue
        gain, error = rmse_difference(predicted[FROZEN][rows], predicted[UPDATED][rows], actual[rows], users[rows])
        items = later[ITEM_ID].iloc[rows].nunique()
        lines.append({"from": low, "to": high, "gain": gain, "s.e.": error, "items": items, "ratings": len(rows)})
    return lines


def compared(data: Slices, predicted: dict[str, Values]) -> dict[str, Any]:
    """Computes the RMSE of each model by slice and overall, and its paired difference to the updated RRN."""
    later, early = data.frame[data.begins[0] :], data.frame[: data.begins[0]]
    actual, users = later[RATING].to_numpy(float), pd.factorize(later[USER_ID])[0]
    known = later[USER_ID].isin(early[USER_ID]) & later[ITEM_ID].isin(early[ITEM_ID])
    parts = {"all": np.ones(len(later), bool), "known": known.to_numpy()}
    ends = np.cumsum(data.sizes)[:-1]
    figures: dict[str, Any] = {"n": {name: int(rows.sum()) for name, rows in parts.items()}}
    for model, values in predicted.items():
        figures[model] = {
            "slices": [rmse(*pair) for pair in zip(np.split(values, ends), np.split(actual, ends), strict=True)]
        }
        for name, rows in parts.items():
            figures[model][name] = {
                "rmse": rmse(values[rows], actual[rows]),
                "standard_error": rmse_standard_error(values[rows], actual[rows], users[rows]),
                "difference": rmse_difference(values[rows], predicted[UPDATED][rows], actual[rows], users[rows]),
            }
    return figures


@click.command()
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--slices", default=10, show_default=True, type=click.IntRange(min=2))
@click.option("--config", "preset", default=RRN_PLUS, show_default=True, help=CONFIG_HELP)
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@click.option("--least", default=10, show_default=True, help="Fewest ratings of an item in a slice for its mean.")
@click.option(
    "--markdown", "markdown_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write the tables."
)
@json_option
def main(
    data: Path,
    folder: Path,
    slices: int,
    preset: str,
    overrides: tuple[str, ...],
    least: int,
    markdown_file: Path | None,
    json_file: str | None,
) -> None:
    """Trains on the early ratings of DATA into FOLDER, or loads that run, and predicts the later ones by slice."""
    folder.mkdir(parents=True, exist_ok=True)
    with one_line_errors():
        cuts = cut(pd.read_csv(data, usecols=list(COLUMNS), dtype={USER_ID: str, ITEM_ID: str}), slices)
        parts = {name: folder / f"{name}.csv" for name in ("train", "valid")}
        cuts.frame[: cuts.fitted].to_csv(parts["train"], index=False)
        cuts.frame[cuts.fitted : cuts.begins[0]].to_csv(parts["valid"], index=False)
        run = RunPaths(folder / "run")
        if not run.metrics.exists():
            click.echo(f"training on {cuts.fitted:,} ratings, {cuts.begins[0] - cuts.fitted:,} choose the epoch")
            train_run(str(parts["train"]), run.root, load_config(preset, overrides), valid=str(parts["valid"]))
        seconds: dict[str, list[float]] = {}
        predicted, seconds[UPDATED] = updated_and_frozen(cuts, run, folder)
        predicted["PMF retrained"], seconds["PMF retrained"] = retrained(cuts, PMF, _fixed_pmf)
        predicted["user+item bias retrained"], seconds["user+item bias retrained"] = retrained(
            cuts, UserItemBias, lambda chosen: UserItemBias(chosen.user_l2, chosen.item_l2)
        )
        later, number = cuts.frame[cuts.begins[0] :], np.repeat(np.arange(slices), cuts.sizes)
        figures, levels = compared(cuts, predicted), by_fluctuation(later, number, predicted, least)
    figures["seconds"] = {**seconds, "RRN training": [json.loads(run.metrics.read_text())["seconds"]["train"]]}
    tables = _tables(cuts, figures, levels)
    for title, headings, lines in tables:
        click.echo(f"\n{title}\n{aligned_text(headings, lines)}")
    if markdown_file:
        text = "\n\n".join(f"{title}\n\n{markdown(headings, lines)}" for title, headings, lines in tables)
        markdown_file.write_text(f"{text}\n")
    write_json(json_file, {**figures, "by_fluctuation": levels, **environment(0)})


def _fixed_pmf(chosen: PMF) -> PMF:
    options = chosen.options
    if options is None:
        raise RuntimeError("PMF should have chosen its options")
    return PMF(options.factors, options.l2, options.iterations, options.centre)


def _tables(
    data: Slices, figures: dict[str, Any], levels: list[dict[str, Any]]
) -> list[tuple[str, list[str], list[list[str]]]]:
    models = [name for name in figures if name not in ("n", "seconds")]
    counts, seconds = figures["n"], figures["seconds"]
    ends = pd.to_datetime(data.frame[TIMESTAMP].to_numpy()[data.begins[1:] - 1], unit="s").strftime("%Y-%m-%d")
    slices = [
        [f"to {end}", f"{size:,}", *(f"{figures[model]['slices'][at]:.4f}" for model in models)]
        for at, (end, size) in enumerate(zip(ends, data.sizes, strict=True))
    ]
    overall = []
    for model in models:
        cells = [model]
        for part in ("all", "known"):
            of = figures[model][part]
            difference, error = of["difference"]
            cells += [f"{of['rmse']:.4f}", f"{difference:+.4f} ± {error:.4f}"]
        overall.append([*cells, f"{sum(seconds[model]):.1f}" if model in seconds else "0"])
    gains = [
        [
            f"{of['from']:g} to {of['to']:g}" if np.isfinite(of["to"]) else f"{of['from']:g} or more",
            f"{of['gain']:+.4f} ± {of['s.e.']:.4f}",
            f"{of['items']:,}",
            f"{of['ratings']:,}",
        ]
        for of in levels
    ]
    headings = ["", f"all {counts['all']:,}", "to RRN updated", f"known {counts['known']:,}", "to RRN updated", "s"]
    return [
        ("RMSE slice by slice", ["slice", "ratings", *models], slices),
        (f"Overall; RRN was trained once, in {seconds['RRN training'][0]:.0f} s", headings, overall),
        ("Gain of updated states, by fluctuation of items", ["fluctuation", "gain", "items", "ratings"], gains),
    ]


if __name__ == "__main__":
    main()
