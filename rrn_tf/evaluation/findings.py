"""Says in plain sentences what a comparison of models means, and what it establishes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Protocol

from rrn_tf.evaluation.event_leaderboard import EventLeaderboardRow
from rrn_tf.evaluation.experiments.sentences import established, listed

_ESTABLISHED = "Established (beyond two standard errors of the paired difference): "
# What the names of protocols mean, as far as they do not say it; the modules that name them import TensorFlow.
_KNOWN = {
    "frozen": " (no model knows a rating after training)",
    "streaming": " (every model knows each later rating once it is past)",
    "clean": " (every held-out event, given all earlier ones of its user)",
    "interleaved": " (all but each user's first held-out event)",
}
_FAR_MORE = 1.5  # a test is worth pointing at if it has this many times the rows of the first


class Row(Protocol):
    """A row of a leaderboard; both differences are None for the model that the others are compared with."""

    @property
    def model(self) -> str: ...

    @property
    def difference(self) -> float | None: ...

    @property
    def difference_standard_error(self) -> float | None: ...

    @property
    def n(self) -> int: ...


def is_established(row: Row) -> bool:
    """Returns whether the row's difference is beyond two of its standard errors; False for the reference itself.

    Example:
      >>> from collections import namedtuple
      >>> row = namedtuple("row", "difference difference_standard_error")
      >>> is_established(row(0.03, 0.01)), is_established(row(-0.015, 0.01)), is_established(row(None, None))
      (True, False, False)
    """
    return row.difference is not None and established(row.difference, row.difference_standard_error)


def meaning(rows: Sequence[Row]) -> str:
    """Returns one sentence that says what the figures of a leaderboard mean.

    Args:
      rows: the rows of a leaderboard of ratings or of events; an empty text is returned without any.
    """
    if not rows:
        return ""
    figures = "RMSE and MAE say by how many rating points predictions miss (lower is better)"
    if isinstance(first := rows[0], EventLeaderboardRow):
        figures = (
            "NLL is how improbable a model found the items that came next, in nats, averaged over each user's events "
            f"and then over users (lower is better), hit@{first.k}, MRR and NDCG@{first.k} say how near the top of "
            "its list they were (higher is better)"
        )
    reference = _reference(rows)
    if not reference or len(rows) == 1:
        return f"{figures}, and s.e. is a standard error, for which users are independent."
    return (
        f"{figures}; a difference is a model's {_figure(rows)} less that of {reference.model} on the same "
        f"{_plural(rows)} (positive where {reference.model} is better), and is established if it is beyond two of its "
        "standard errors (s.e.), for which users are independent."
    )


def verdict(rows: Sequence[Row]) -> str:
    """Returns one or two sentences that say which differences of a leaderboard are established, or that none is.

    A difference is established if it is beyond two standard errors of the paired difference.

    Args:
      rows: the rows of a leaderboard of ratings or of events; an empty text is returned for fewer than two models.

    Example:
      >>> from collections import namedtuple
      >>> row = namedtuple("row", "model difference difference_standard_error n")
      >>> print(verdict([row("RRN", None, None, 925), row("bias", 0.01, 0.01, 925)]))
      Nothing is established: the difference to RRN is within two standard errors, so 925 ratings do not say whether \
RRN is better or worse than bias.
      >>> print(verdict([row("RRN", None, None, 90), row("bias", 0.03, 0.01, 90), row("mean", 0.01, 0.01, 90)]))
      Established (beyond two standard errors of the paired difference): RRN is better than bias. Not established: \
whether RRN is better or worse than mean.
    """
    reference = _reference(rows)
    others = [row for row in rows if row.difference is not None]
    if not reference or not others:
        return ""
    name = reference.model
    certain = [(row.model, row.difference or 0.0) for row in others if is_established(row)]
    better = [model for model, difference in certain if difference > 0]
    worse = [model for model, difference in certain if difference < 0]
    undecided = [row.model for row in others if not is_established(row)]
    if _smallest_established(others) is None:
        of_one = f"these {reference.n:,} {_plural(rows)} have one"
        return f"Nothing is established: a standard error takes two users, and {of_one}."
    if not better and not worse:
        within = (
            f"the difference to {name} is within"
            if len(others) == 1
            else f"all {len(others)} differences to {name} are within"
        )
        return (
            f"Nothing is established: {within} two standard errors, so {reference.n:,} {_plural(rows)} do not say "
            f"whether {name} is better or worse than {listed(undecided, 'or')}."
        )
    parts = [f"{word} than {listed(found)}" for word, found in (("better", better), ("worse", worse)) if found]
    sentence = f"{_ESTABLISHED}{name} is {' and '.join(parts)}."
    if not undecided:
        return sentence
    return f"{sentence} Not established: whether {name} is better or worse than {listed(undecided, 'or')}."


def findings(rows: Sequence[Row]) -> list[str]:
    """Returns sentences on one leaderboard: what its figures mean, and what it establishes, as far as there is any."""
    return findings_of_all({"": rows})


def findings_of_all(boards: Mapping[str, Sequence[Row]]) -> list[str]:
    """Returns sentences on the same models under several protocols: what figures mean, then what each test establishes.

    Args:
      boards: the rows of each test, by its protocol. Tests without rows have nothing to say.
    """
    filled = {name: rows for name, rows in boards.items() if rows}
    sentences = [meaning(next(iter(filled.values()), []))]
    for name, rows in filled.items():
        text = verdict(rows).replace(_ESTABLISHED, "Established: ")  # `meaning` says when it is
        lead = f"{name}{_KNOWN.get(name, '')}: " if len(filled) > 1 else ""
        sentences.append(f"{lead}{text}" if text else "")
    return [*filter(None, sentences), *filter(None, [larger_test(boards)])]


def larger_test(boards: Mapping[str, Sequence[Row]]) -> str:
    """Returns one sentence that points at the test that establishes more than the first, and says why it does.

    Args:
      boards: the rows of each test, by its name, such as the protocol; an empty text is returned if no test has far
        more rows than the first.
    """
    filled = {name: rows for name, rows in boards.items() if rows}
    if len(filled) < 2:
        return ""
    first = next(iter(filled))
    largest = max(filled, key=lambda name: filled[name][0].n)
    few, many = filled[first][0].n, filled[largest][0].n
    smallest = [_smallest_established(filled[name]) for name in (first, largest)]
    if many < _FAR_MORE * few or None in smallest:
        return ""
    return (
        f"'{largest}' has {many:,} {_plural(filled[largest])}, {many / few:.0f} times as many as '{first}', so smaller "
        f"differences of {_figure(filled[largest])} show: from about {smallest[1]:.3f} on, twice the median standard "
        f"error, in place of {smallest[0]:.3f}."
    )


def _smallest_established(rows: Sequence[Row]) -> float | None:
    """Returns about how large a difference must be to be established; None if no standard error is known."""
    errors = [row.difference_standard_error for row in rows]
    known = [error for error in errors if error is not None and math.isfinite(error)]
    return 2 * median(known) if known else None


def _reference(rows: Sequence[Row]) -> Row | None:
    return next((row for row in rows if row.difference is None), None)


def _figure(rows: Sequence[Row]) -> str:
    return "NLL" if isinstance(rows[0], EventLeaderboardRow) else "RMSE"


def _plural(rows: Sequence[Row]) -> str:
    return "events" if isinstance(rows[0], EventLeaderboardRow) else "ratings"
