"""Compares RRN with our baselines and other libraries' models (the peers) on many data sets, by one procedure.

    python -m benchmarks.rating_battery runs/battery --movietweetings ratings.csv.gz

Each set is split by time (`benchmarks.rating_split.time_split`). Every model is fitted to the training ratings, with
options chosen on the validation ratings; test ratings are reported once. Results that are already in OUTPUT are not
computed again.

OUTPUT/battery.md, battery.json   the tables; the figures
OUTPUT/SET/                       all ratings, train.csv, valid.csv, later.csv, runs of RRN, predictions of baselines
OUTPUT/peers/                     splits, predictions and results of other libraries' models
OUTPUT/cache/                     fetched or generated data
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.battery_report import KNOWN, ROWS, TEST, VALID, report, tables
from benchmarks.rating_answers import Answer, Peers, SplitFiles, baseline_answers, rrn_answers
from benchmarks.rating_sets import LeftOutError, RatingSet, rating_sets, write_once
from benchmarks.rating_split import TimeSplit, time_split
from rrn_tf.cli.options import CONFIG_HELP, SET_HELP, one_line_errors, write_json
from rrn_tf.config import RRN_PLUS
from rrn_tf.environment import environment
from rrn_tf.evaluation.metrics import rmse, rmse_difference
from rrn_tf.evaluation.protocols import PROTOCOLS
from rrn_tf.evaluation.tables import aligned_text
from rrn_tf.features import COLUMNS, RATING, USER_ID, Split
from rrn_tf.files import write_whole


class Rung(NamedTuple):
    """A configuration of the ablation: overrides of the battery's configuration."""

    name: str
    settings: tuple[str, ...]


LADDER = (
    Rung("whole", ()),
    Rung("factors alone", ("training.epochs=0",)),
    Rung("network alone", ("model.bayesian_factors=0",)),
    Rung("network of steps by time alone", ("model.bayesian_factors=0", "data.steps_per_doubling=0")),
    Rung(
        "network fed ratings",
        ("model.bayesian_factors=0", "model.inputs=ratings", "model.include_opposite_state=false"),
    ),
    Rung("one network", ("model.ensemble=1",)),
)


class Setting(NamedTuple):
    """The trainings of RRN: seeds, and a configuration with its overrides."""

    seeds: tuple[int, ...]
    preset: str
    overrides: tuple[str, ...]

    def answers(self, split: TimeSplit, files: SplitFiles, rung: Rung, seed: int) -> list[Answer]:
        """Returns the predictions of one seed by each protocol; the first configuration is the battery's own run."""
        name = f"seed-{seed}" if not rung.settings else f"{rung.name.replace(' ', '-')}-seed-{seed}"
        settings = (*self.overrides, *rung.settings)
        return rrn_answers(split, files, name, seed, settings, self.preset)


def prepare(of: RatingSet, output: Path) -> tuple[TimeSplit, SplitFiles]:
    """Fetches and splits a data set, and writes its files.

    Raises:
      LeftOutError: if the set is not available, or has no validation or no test ratings.
      ValueError: if the folder has other ratings.
    """
    folder = output / of.name
    files = SplitFiles(folder, folder / f"{of.name}.csv", folder / "train.csv", folder / "valid.csv")
    split = time_split(write_once(of.read(output / "cache"), files.ratings))
    counts = {part: len(split.row_indices(part)) for part in (Split.VALID, Split.TEST)}
    if not all(counts.values()):
        found = " and ".join(f"{count} {part.label}" for part, count in counts.items())
        raise LeftOutError(f"expected later ratings of known users and items, found {found}")
    split.train.to_csv(files.train, index=False)
    valid = split.later.iloc[np.sort(split.row_indices(Split.VALID, Split.VALID_COLD))]
    valid[list(COLUMNS)].to_csv(files.valid, index=False)
    split.later.to_csv(folder / "later.csv", index=False)
    return split, files


def board(
    split: TimeSplit, ours: Sequence[Answer], others: Sequence[Answer], protocol: str, rows: str
) -> list[dict[str, Any]]:
    """Compares models, best on the test ratings first.

    Args:
      split: the ratings.
      ours: predictions of RRN; others are compared with the first of a protocol, and with the mean of all.
      others: predictions of other models.
      protocol: protocol of the predictions to compare.
      rows: one of `ROWS`; models without predictions for all of them are left out.

    Returns:
      A dictionary for each model: its name, whether it is ours, RMSE on validation and test ratings, differences with
      their standard errors, and costs. Empty if the rows are the same as those of `KNOWN`.
    """
    at = {part: split.row_indices(*splits) for part, splits in ROWS[rows].items()}
    if rows != KNOWN and len(at[TEST]) == len(split.row_indices(*ROWS[KNOWN][TEST])):
        return []
    errors_on = {part: _Errors(split, positions) for part, positions in at.items()}
    asked = [of for of in (*ours, *others) if of.protocol == protocol]
    answering = [of for of in asked if not any(np.isnan(of.rating[positions]).any() for positions in at.values())]
    references = [of for of in ours if of.protocol == protocol]
    lines = []
    for of in answering:
        is_ours = of in references
        differences = [errors_on[TEST].difference(of, reference) for reference in references]
        means = [float(np.mean(values)) for values in zip(*differences, strict=True)]
        lines.append(
            {
                "model": of.model,
                "ours": is_ours,
                **{part: on.rmse(of) for part, on in errors_on.items()},
                "less_first": None if of is references[0] else differences[0],
                "less_mean": None if is_ours else means,
                "seconds": of.seconds,
                "memory_bytes": of.memory_bytes,
                "parameters": of.parameters,
            }
        )
    return sorted(lines, key=lambda line: line[TEST])


class _Errors:
    """Computes errors of clipped predictions on some of the later ratings."""

    def __init__(self, split: TimeSplit, rows: npt.NDArray[np.int64]) -> None:
        self._rows, self._range = rows, split.rating_range
        self._actual = split.later[RATING].to_numpy(float)[rows]
        self._users = pd.factorize(split.later[USER_ID])[0][rows]

    def rmse(self, of: Answer) -> float:
        return rmse(self._clipped(of), self._actual)

    def difference(self, of: Answer, reference: Answer) -> tuple[float, float]:
        return rmse_difference(self._clipped(of), self._clipped(reference), self._actual, self._users)

    def _clipped(self, of: Answer) -> npt.NDArray[np.float64]:
        return np.clip(of.rating[self._rows].astype(float), *self._range)


def compared(split: TimeSplit, files: SplitFiles, setting: Setting, peers: Peers | None) -> dict[str, Any]:
    """Compares all models on one data set: counts, boards by protocol and rows, and peers without predictions."""
    ours = []
    for seed in setting.seeds:
        click.echo(f"  RRN seed {seed}")
        ours += setting.answers(split, files, LADDER[0], seed)
    others = [*baseline_answers(split, files.folder / "baselines", click.echo)]
    silent: list[str] = []
    if peers:
        answers, silent = peers.answers(split, files.ratings, click.echo)
        others += answers
    return {
        "ratings": {"train": len(split.train), **{part.label: len(split.row_indices(part)) for part in Split if part}},
        "range": split.rating_range,
        "silent_peers": silent,
        "boards": {
            protocol: {rows: lines for rows in ROWS if (lines := board(split, ours, others, protocol, rows))}
            for protocol in PROTOCOLS
        },
    }


def ablated(split: TimeSplit, files: SplitFiles, setting: Setting) -> dict[str, Any]:
    """Computes RMSE on known users and items by configuration, protocol and split, each the mean over seeds."""
    figures: dict[str, Any] = {}
    for rung in LADDER:
        found: dict[str, dict[str, list[float]]] = {of: {VALID: [], TEST: []} for of in PROTOCOLS}
        for seed in setting.seeds:
            click.echo(f"  {rung.name}, seed {seed}")
            for answer in setting.answers(split, files, rung, seed):
                for part, splits in ROWS[KNOWN].items():
                    found[answer.protocol][part].append(_Errors(split, split.row_indices(*splits)).rmse(answer))
        figures[rung.name] = {
            protocol: {part: float(np.mean(errors)) for part, errors in parts.items()}
            for protocol, parts in found.items()
        }
    return figures


@click.command()
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[CSV]...")
@click.option("--movietweetings", type=click.Path(path_type=Path), help="A CSV of MovieTweetings 2013.")
@click.option("--only", multiple=True, metavar="NAME", help="Use only this data set; may be repeated.")
@click.option("--seeds", default="0,1,2", show_default=True, help="Seeds of RRN.")
@click.option("--config", "preset", default=RRN_PLUS, show_default=True, help=CONFIG_HELP)
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@click.option(
    "--peers",
    "script",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Program that fits the peers.",
)
@click.option(
    "--peers-python", type=click.Path(exists=True, path_type=Path), help="Python that runs the peers' program."
)
@click.option("--peer-budget", default=60.0, show_default=True, help="Seconds for choosing the options of one peer.")
@click.option("--ablation", is_flag=True, help="Also train every configuration of the ablation, with each seed.")
def main(
    output: Path,
    files: tuple[Path, ...],
    movietweetings: Path | None,
    only: tuple[str, ...],
    seeds: str,
    preset: str,
    overrides: tuple[str, ...],
    script: Path | None,
    peers_python: Path | None,
    peer_budget: float,
    ablation: bool,
) -> None:
    """Compares RRN with other models on many data sets: MovieTweetings, MovieLens, generated ones and each CSV.

    A CSV has the columns user_id, item_id, rating and timestamp (unix seconds).
    """
    if (script is None) != (peers_python is None):
        raise click.UsageError("expected both --peers and --peers-python, or neither")
    try:
        setting = Setting(tuple(dict.fromkeys(map(int, seeds.split(",")))), preset, overrides)
    except ValueError:
        raise click.UsageError(f"--seeds should be whole numbers like 0,1,2, found {seeds}") from None
    output = output.resolve()
    peers = (
        Peers(script.resolve(), peers_python.absolute(), output / "peers", peer_budget)
        if script and peers_python
        else None
    )
    figures: dict[str, Any] = {"seeds": setting.seeds, "left_out": [], "sets": {}}
    with one_line_errors():
        for of in rating_sets(movietweetings, files, only):
            try:
                split, paths = prepare(of, output)
            except LeftOutError as error:
                figures["left_out"].append(f"{of.name}: {error}")
                click.echo(f"{of.name}: left out: {error}")
                continue
            click.echo(f"{of.name}: {len(split.train):,} training ratings, {len(split.later):,} later ones")
            figures["sets"][of.name] = compared(split, paths, setting, peers)
            if ablation:
                figures.setdefault("ablation", {})[of.name] = ablated(split, paths, setting)
            # After each set, so that its results can be read while others are computed.
            write_whole(output / "battery.md", report(figures))
            write_json(str(output / "battery.json"), {**figures, **environment(setting.seeds[0])})
        if not figures["sets"]:
            raise ValueError("expected a set of ratings, found none that is available")
    for title, headings, lines in tables(figures):
        click.echo(f"\n{title}\n{aligned_text(headings, lines)}")


if __name__ == "__main__":
    main()
