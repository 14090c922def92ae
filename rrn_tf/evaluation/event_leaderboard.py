"""Compares models of events on the same held-out events."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rrn_tf.baselines.events.protocol import DistributionModel, EventBaseline, EventModel, Likeliest
from rrn_tf.data.event_scores import Positions
from rrn_tf.data.events import EventSequences
from rrn_tf.evaluation.event_kinds import ENTROPY_BINS
from rrn_tf.evaluation.event_metrics import (
    discounted_gains,
    entropy_bins,
    hits,
    nll,
    nll_difference,
    over_users,
    reciprocal_ranks,
    training_entropy,
)
from rrn_tf.evaluation.tables import aligned_text, markdown
from rrn_tf.slow_work import working

LIKELIEST = 10  # most probable items of each event that scores keep


@dataclass(frozen=True)
class EventScores:
    """Predictions of a model for N events.

    Attributes:
      log_probability: float32[N], log-probability of the item of each event, in nats.
      rank: float32[N], rank of the item of each event among all items.
      seconds: time of fitting; None if it was not measured.
      parameters: number of values that the model stores.
      likeliest: the `LIKELIEST` most probable items before each event; None for a model that does not tell them.
    """

    log_probability: npt.NDArray[np.float32]
    rank: npt.NDArray[np.float32]
    seconds: float | None
    parameters: int
    likeliest: Likeliest | None = None

    def take(self, rows: npt.NDArray[Any]) -> EventScores:
        """Returns the scores of some of the events, by indices or a mask."""
        top = self.likeliest and Likeliest(self.likeliest.item[rows], self.likeliest.log_probability[rows])
        return replace(self, log_probability=self.log_probability[rows], rank=self.rank[rows], likeliest=top)


@dataclass(frozen=True)
class EventLeaderboardRow:
    """The metrics of one model, each a mean over each user's events, then over users.

    Attributes:
      model: name of the model.
      nll: negative log-likelihood in nats.
      standard_error: standard error of the NLL.
      difference: NLL less that of the reference model; negative is better. None for the reference itself.
      difference_standard_error: standard error of the paired difference. None for the reference itself.
      hit, mrr, ndcg: hit@k, mean reciprocal rank and NDCG@k over all items.
      k: cutoff rank of hit@k and NDCG@k.
      nll_by_entropy: NLL of each third of the users by training entropy, the lowest first.
      seconds: time of fitting; None if it was not measured.
      parameters: number of values that the model stores.
      users, n: numbers of scored users and events.
    """

    model: str
    nll: float
    standard_error: float
    difference: float | None
    difference_standard_error: float | None
    hit: float
    mrr: float
    ndcg: float
    k: int
    nll_by_entropy: tuple[float, ...]
    seconds: float | None
    parameters: int
    users: int
    n: int


def score(
    model: EventModel, sequences: EventSequences, positions: Positions, seconds: float | None = None
) -> EventScores:
    """Scores events with a fitted model.

    Args:
      model: a baseline or a network that implements `EventModel`.
      sequences: the events.
      positions: int64[N], indices of the events to score.
      seconds: time that fitting took.
    """
    log_probability = model.log_probabilities(sequences, positions)
    if isinstance(model, DistributionModel):
        answers = model.answers(sequences, positions, likeliest=LIKELIEST)
        return EventScores(log_probability, answers.rank, seconds, model.num_parameters, answers.likeliest)
    return EventScores(log_probability, model.ranks(sequences, positions), seconds, model.num_parameters)


def fit_and_score(model: EventBaseline, sequences: EventSequences, positions: Positions) -> EventScores:
    """Fits a model, measures the time of fitting, and scores events; arguments as `score`."""
    begin = time.perf_counter()
    with working(f"fitting {model.name}"):
        model.fit(sequences)
        return score(model, sequences, positions, time.perf_counter() - begin)


def event_leaderboard(
    sequences: EventSequences,
    positions: Positions,
    scores: Mapping[str, EventScores],
    reference: str | None = None,
    k: int = 10,
) -> list[EventLeaderboardRow]:
    """Compares models, best first.

    Args:
      sequences: the events.
      positions: int64[N], indices of the scored events (see `scored_positions`).
      scores: scores of each model, by name.
      reference: the model that the others are compared with; the first of `scores` by default.
      k: cutoff rank of hit@k and NDCG@k.

    Returns:
      One row for each model, by increasing NLL.

    Raises:
      ValueError: without events, for an unknown reference, or for scores of another shape.
    """
    if not len(positions):
        raise ValueError("a leaderboard should have held-out events, received none")
    reference = next(iter(scores)) if reference is None else reference
    if reference not in scores:
        raise ValueError(f"the reference should be one of {', '.join(scores)}, received {reference!r}")
    user = sequences.user[positions]
    users, row_of = np.unique(user, return_inverse=True)
    third = entropy_bins(training_entropy(sequences)[users], len(ENTROPY_BINS))[row_of]

    def row(model: str) -> EventLeaderboardRow:
        of = scores[model]
        found = nll(of.log_probability, user)
        difference, difference_error = (
            nll_difference(of.log_probability, scores[reference].log_probability, user)
            if model != reference
            else (None, None)
        )
        return EventLeaderboardRow(
            model=model,
            nll=found.value,
            standard_error=found.standard_error,
            difference=difference,
            difference_standard_error=difference_error,
            hit=over_users(hits(of.rank, k), user).value,
            mrr=over_users(reciprocal_ranks(of.rank), user).value,
            ndcg=over_users(discounted_gains(of.rank, k), user).value,
            k=k,
            nll_by_entropy=tuple(
                nll(of.log_probability[third == number], user[third == number]).value
                for number in range(len(ENTROPY_BINS))
            ),
            seconds=of.seconds,
            parameters=of.parameters,
            users=len(users),
            n=len(positions),
        )

    return sorted(map(row, scores), key=lambda line: line.nll)


def event_leaderboard_text(rows: Sequence[EventLeaderboardRow]) -> str:
    """Formats the rows as aligned plain text."""
    return aligned_text(*event_cells(rows))


def event_leaderboard_markdown(rows: Sequence[EventLeaderboardRow]) -> str:
    """Formats the rows as a Markdown table."""
    return markdown(*event_cells(rows))


def event_cells(rows: Sequence[EventLeaderboardRow]) -> tuple[list[str], list[list[str]]]:
    """Returns the headings and the cells of the table, for any way of printing it."""
    k = rows[0].k if rows else 10
    headings = ["model", "NLL", "s.e.", "difference", "s.e.", f"hit@{k}", "MRR", f"NDCG@{k}", *ENTROPY_BINS]
    return [*headings, "seconds", "parameters"], [*map(_cells, rows)]


def _cells(row: EventLeaderboardRow) -> list[str]:
    def given(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    return [
        row.model,
        f"{row.nll:.4f}",
        f"{row.standard_error:.4f}",
        given(row.difference, "+.4f"),
        given(row.difference_standard_error, ".4f"),
        *(f"{value:.4f}" for value in (row.hit, row.mrr, row.ndcg, *row.nll_by_entropy)),
        given(row.seconds, ".1f"),
        f"{row.parameters:,}",
    ]
