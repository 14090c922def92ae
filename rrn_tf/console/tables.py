"""Tables of figures on standard output."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from rrn_tf.console.terminal import terminal
from rrn_tf.data.dropped import lines_of_dropped
from rrn_tf.data.items import SIMILAR_TITLE, TITLE
from rrn_tf.data.metadata import EventMetadata, SequenceMetadata
from rrn_tf.evaluation.event_figures import STANDARD_ERROR, shown
from rrn_tf.evaluation.event_leaderboard import EventLeaderboardRow, event_cells
from rrn_tf.evaluation.findings import Row, findings_of_all
from rrn_tf.evaluation.leaderboard import LeaderboardRow, leaderboard_cells
from rrn_tf.evaluation.ranking import RANKED_LISTS, RANKED_RATINGS, RANKED_USERS, RELEVANT_FROM
from rrn_tf.evaluation.trivial import WARNINGS
from rrn_tf.features import ITEM_ID, SCORE, SIMILAR_ITEM_ID, SIMILARITY, Split
from rrn_tf.tasks import EVENTS, RATINGS
from rrn_tf.times import utc_text
from rrn_tf.tuning.trials import Trial, ranked

_SIMILAR_ITEMS = ((ITEM_ID, TITLE), (SIMILAR_ITEM_ID, SIMILAR_TITLE))
_WIDEST = 4_000  # columns, more than those of the longest ids
_EVENTS_FIRST = "clean"  # the protocol by which EventEvaluator scores
_NOT_VALIDATED = "nothing is held out for validation: the last epoch is saved, however good it is"


def print_prepared(metadata: SequenceMetadata) -> None:
    """Prints how many ratings each split has, and how many were left out."""
    counts = metadata.ratings
    train, valid, test, *cold = (counts.get(split.label, 0) for split in Split)
    _print(
        f"cutoff {utc_text(metadata.cutoff)}: {train:,} training ratings of {metadata.users.trained:,} users and "
        f"{metadata.items.trained:,} items; {valid:,} validation, {test:,} test; "
        f"{sum(cold):,} later ratings of users or items unseen in training left out"
    )
    if metadata.cutoff > time.time():
        _print(
            "the cutoff lies in the future, and so do training ratings: recommendations are of after them by default"
        )
    if not valid:
        _print(f"{_NOT_VALIDATED}; a smaller data.split.train_fraction, or --valid FILE, holds ratings out")
    _print_counts("rows rejected", metadata.rejected)


def print_prepared_events(metadata: EventMetadata) -> None:
    """Prints how many events each split has, and how many were left out."""
    train, valid, test = (metadata.events.get(split.label, 0) for split in (Split.TRAIN, Split.VALID, Split.TEST))
    _print(
        f"{train:,} training events of {metadata.users:,} users with {metadata.items:,} items; {valid:,} validation, "
        f"{test:,} test"
    )
    if not valid:
        _print(f"{_NOT_VALIDATED}; data.validation=true, or --valid FILE, holds events out")
    for line in lines_of_dropped(metadata):
        _print(line)
    _print_counts("rows rejected", metadata.rejected)


def print_metrics(metrics: Mapping[str, Any]) -> None:
    """Prints the figures of ratings by split and protocol."""
    table = _table("split", "protocol", "RMSE", "MAE", "rows")
    for split in Split:
        for protocol, figures in metrics.get(split.label, {}).items():
            table.add_row(split.label, protocol, f"{figures['rmse']:.4f}", f"{figures['mae']:.4f}", f"{figures['n']:,}")
    _print(table)
    _print_best(metrics)
    _print_ranking(metrics)


def _print_ranking(metrics: Mapping[str, Any]) -> None:
    """Prints the figures of ranked lists with their standard errors, if there are any."""
    found = [(split.label, *of) for split in Split for of in metrics.get(split.label, {}).items()]
    found = [(split, protocol, of) for split, protocol, of in found if RELEVANT_FROM in of]
    if not found:
        return
    errors, table = f"_{STANDARD_ERROR}", _table("split", "protocol", "figure", "mean", "s.e.")
    for split, protocol, of in found:
        _print(
            f"{split} {protocol}: {of[RANKED_RATINGS]:,} ratings from {of[RELEVANT_FROM]:g} on, in "
            f"{of[RANKED_LISTS]:,} lists (one for each user and second) of {of[RANKED_USERS]:,} users"
        )
        for name in (key.removesuffix(errors) for key in of if key.endswith(errors)):
            error = of[f"{name}{errors}"]
            shown_name = re.sub("ndcg|mrr", lambda match: match[0].upper(), name)
            table.add_row(split, protocol, shown_name, f"{of[name]:.4f}", "" if error is None else f"{error:.4f}")
    _print(table)


def print_event_metrics(metrics: Mapping[str, Any]) -> None:
    """Prints the figures of next items by split and protocol, as means over users."""
    rows = [
        {"split": split.label, "protocol": protocol, **shown(of)}
        for split in Split
        for protocol, of in metrics.get(split.label, {}).items()
    ]
    _print_rows(rows, {"n": "events"})
    if metrics.get("best_nll") is not None:
        _print(f"best reachable NLL on the last held-out events: {metrics['best_nll']:.4f}")


# The functions that print the counts of prepared data, by the name of the task.
PRINT_PREPARED: dict[str, Callable[[Any], None]] = {RATINGS.name: print_prepared, EVENTS.name: print_prepared_events}
PRINT_METRICS = {RATINGS.name: print_metrics, EVENTS.name: print_event_metrics}


def print_slices(slices: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Prints figures by slice, for ratings or for events."""
    for name, rows in slices.items():
        _print_rows([shown(row) for row in rows], {"slice": name, "n": "events" if "users" in rows[0] else "rows"})


def print_recommendations(
    items: Iterable[tuple[str, float]], of: str = SCORE, titles: Mapping[str, str] | None = None
) -> None:
    """Prints recommended items with their titles, if there are any, and their scores or probabilities."""
    table = _table("", "item", *([TITLE] if titles else []), of)
    for rank, (item, score) in enumerate(items, start=1):
        table.add_row(str(rank), item, *([titles.get(item, "")] if titles else []), f"{score:.4f}")
    _print(table)


def print_similar(found: pd.DataFrame) -> None:
    """Prints each item with those that are most like it, all with their titles if there are any."""
    titled = TITLE in found
    table = _table("item", *([TITLE] if titled else []), "", "similar item", *([TITLE] if titled else []), SIMILARITY)
    for row in found.to_dict("records"):
        first = row["rank"] == 1
        names = [[row[of], *([row[title] or ""] if titled else [])] for of, title in _SIMILAR_ITEMS]
        own, others = ([Text(name) for name in of] for of in names)
        table.add_row(*(own if first else [Text("")] * len(own)), str(row["rank"]), *others, f"{row[SIMILARITY]:.4f}")
    _print(table)


def print_run(record: Mapping[str, Any]) -> None:
    """Prints the result of a pipeline run: the leaderboards, what they establish, and the paths of its output.

    Args:
      record: the content of `run.json`, also of a run before there were leaderboards of several protocols.
    """
    found = record["leaderboard"]
    # The first board is of the protocol by which the model is blessed.
    given = {found.get("protocol", _EVENTS_FIRST): found["rows"], **found.get("protocols", {})}
    boards: dict[str, list[Any]] = {}
    if "events" in record:
        boards = {name: [EventLeaderboardRow(**row) for row in rows] for name, rows in given.items()}
        print_event_leaderboards(boards)
    else:
        boards = {name: [LeaderboardRow(**row) for row in rows] for name, rows in given.items()}
        print_leaderboards(boards)
    _print_best(record)
    print_findings(boards)
    _print(f"{'blessed and pushed' if record['blessed'] else 'not blessed, not pushed'} in {record['seconds']:.0f} s")
    if tuned := record.get("tuned"):
        _print(f"tuned         {', '.join(f'{path}={value}' for path, value in tuned.items())}")
    for name in ("config", "model", "logs", "evaluation", "report", "dead_letters", "page"):
        if name in record:
            _print(f"{name.replace('_', ' '):<14}{record[name]}")
    for warning in record.get(WARNINGS, ()):
        _print(warning)


def print_update(summary: Mapping[str, Any]) -> None:
    """Prints the counts of an update, the model's error on the new data, and the path of the updated model."""
    what = "ratings" if "ratings" in summary else "events"
    _print(
        f"{summary[what]:,} new {what}, {summary['late']:,} of them late; {summary['new_users']:,} new users, "
        f"{summary['new_items']:,} new items"
    )
    reasons = ("duplicates", "before_cutoff", "unknown_items")
    _print_counts(f"{what} left out", {name: summary[name] for name in reasons if summary.get(name)})
    _print_counts("rows rejected", summary["rejected"])
    if of := summary.get("rmse"):
        _print(f"RMSE of the new ratings: {of['updated']:.4f} as they came in, {of['frozen']:.4f} by the model before")
    for users, of in summary.get("nll", {}).items():
        _print(f"loss on {of['n']:,} new events of {users} users: {of['nll']:.4f} as they came in")
    if of := summary.get("last"):
        _print(
            f"loss on each known user's last: {of['updated']:.4f} as it came in, {of['frozen']:.4f} by the model before"
        )
    seconds = summary["seconds"]
    parts = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
    _print(f"model         {summary['model']} in {sum(seconds.values()):.1f} s ({parts})")


def print_leaderboards(boards: Mapping[str, Sequence[LeaderboardRow]], ratings: str = "test") -> None:
    """Prints models of ratings in one table per protocol; `ratings` names the split for the titles."""
    for protocol, rows in boards.items():
        if not rows:
            continue
        headings, cells = leaderboard_cells(rows)
        table = _table(*headings)
        table.collapse_padding = True  # so that it fits a terminal of 80 columns
        for line in cells:
            table.add_row(*line)
        _print(f"{protocol}: {rows[0].n:,} {ratings} ratings")
        _print(table)


def print_event_leaderboards(boards: Mapping[str, Sequence[EventLeaderboardRow]]) -> None:
    """Prints models of events in tables for each protocol."""
    for protocol, rows in boards.items():
        if len(boards) > 1 and rows:
            _print(f"{protocol}: {rows[0].n:,} events of {rows[0].users:,} users")
        print_event_leaderboard(rows)


def print_findings(boards: Mapping[str, Sequence[Row]]) -> None:
    """Prints what the figures of leaderboards mean, and what each establishes; `boards` are by protocol."""
    for sentence in findings_of_all(boards):
        terminal().print(sentence)


def print_event_leaderboard(rows: Sequence[EventLeaderboardRow]) -> None:
    """Prints a comparison of models of events."""
    headings, cells = event_cells(rows)
    # Two tables, each of which fits a terminal of 80 columns: NLL and cost, then ranks and thirds of the users.
    for part in ([*range(5), 11, 12], [0, *range(5, 11)]):
        table = _table(*(headings[at] for at in part))
        for line in cells:
            table.add_row(*(line[at] for at in part))
        _print(table)


def print_references(references: Mapping[str, str]) -> None:
    """Prints the references of the models, one per line."""
    for reference in dict.fromkeys(references.values()):
        _print(f"{', '.join(name for name, of in references.items() if of == reference)}: {reference}")


def print_means_of_runs(means: Mapping[str, Mapping[str, Any]]) -> None:
    """Prints each repeated network's mean loss over runs, and its difference to that of the best baseline."""
    for name, of in means.items():
        _print(
            f"{name}, mean of {of['runs']} runs: NLL {of['nll']:.4f} (s.d. between runs "
            f"{of['standard_deviation']:.4f}), {of['difference']:+.4f} ± {of['standard_error']:.4f} beside "
            f"{of['best_baseline']}"
        )


def print_trials(trials: Sequence[Trial], protocol: str, figure: str) -> None:
    """Prints the trials of a search, sorted by a validation figure, with the settings in which they differ."""
    differing = [path for path in trials[0].settings if len({trial.settings[path] for trial in trials}) > 1]
    table = _table("trial", f"valid {figure}", "epoch", "seconds", *(path.rpartition(".")[2] for path in differing))
    for trial in ranked(trials):
        figures = ("failed", "") if trial.loss is None else (f"{trial.loss:.4f}", str(trial.best_epoch))
        values = (trial.settings[path] for path in differing)
        cells = (f"{value:.3g}" if isinstance(value, float) else str(value) for value in values)
        table.add_row(str(trial.number), *figures, f"{trial.seconds:.1f}", *cells)
    _print(f"{protocol}: {len(trials)} trials")
    _print(table)


def _print_counts(what: str, counts: Mapping[str, int]) -> None:
    if total := sum(counts.values()):
        _print(
            f"{total:,} {what}: {', '.join(f'{reason} {count:,}' for reason, count in sorted(counts.items()) if count)}"
        )


def _print_rows(rows: Sequence[Mapping[str, Any]], headings: Mapping[str, str]) -> None:
    """Prints a table of rows with the same keys, which are the headings by default."""
    if not rows:
        return

    def cell(value: Any) -> str:
        if isinstance(value, float):
            return f"{value:.4f}"
        return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)

    names = {"standard_error": "s.e.", **headings}
    table = _table(
        *(names.get(key) or re.sub("nll|mrr|ndcg|rmse|mae", lambda name: name[0].upper(), key) for key in rows[0])
    )
    table.collapse_padding = True  # so that it fits a terminal of 80 columns
    for row in rows:
        table.add_row(*map(cell, row.values()))
    _print(table)


def _print_best(figures: Mapping[str, Any]) -> None:
    if figures.get("best_rmse") is not None:
        _print(f"best reachable RMSE on the test rows: {figures['best_rmse']:.4f}")


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number == 0 or heading == TITLE else "right", no_wrap=True)
    return table


def _print(content: Any) -> None:
    console = terminal()
    # Lines may be longer than the terminal's, because a figure that is cut off is useless.
    widest = Measurement.get(console, console.options.update(max_width=_WIDEST), content).maximum
    console.width = max(console.width, widest)
    console.print(content, soft_wrap=True)
