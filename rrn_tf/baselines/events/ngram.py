"""Next-item models from counts: the uniform distribution, unigrams and bigrams, of all users or of each user."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.baselines.events.protocol import DistributionModel, EventBaseline, FloatArray, mean_nll
from rrn_tf.data.event_counts import EventCounts
from rrn_tf.data.event_scores import Positions, positions_of, previous_items
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split

Codes = npt.NDArray[np.int64]

_GRID = tuple(float(k) for k in 10 ** np.arange(-1, 5.25, 0.25))
_DEFAULT_STRENGTH = 20.0


class Context(NamedTuple):
    """States whether the counts of a back-off level are kept apart by user and by previous item."""

    user: bool
    previous: bool


POOLED, USER, PREVIOUS, USER_PREVIOUS = (
    Context(False, False),
    Context(True, False),
    Context(False, True),
    Context(True, True),
)


class NGram(DistributionModel):
    """An n-gram model that backs off to coarser counts, and at last to the uniform distribution over the M items.

    With c(x) and n the counts of item x and of all items in the context of level l,

        p_l(x) = (c(x) + k_l p_{l-1}(x)) / (n + k_l),        p_0 = 1 / M,

    which is the posterior mean under a Dirichlet prior with strength k_l around the level below; every p_l adds up to
    one. Only training events are counted; the previous item of an event may be a held-out one.

    Args:
      name: name in the leaderboard.
      levels: contexts, from the coarsest to the finest.
      strengths: k_l of each level; with None they are chosen on the validation events by coordinate descent.

    Raises:
      ValueError: unless there is one strength above 0 for each level.

    Example:
      >>> model = NGram("user 2-gram", (POOLED, USER, USER_PREVIOUS)).fit(sequences)
      >>> len(model.log_probabilities(sequences, positions)) == len(positions)
      True

    Reference:
      MacKay and Bauman Peto, A Hierarchical Dirichlet Language Model, 1995.
    """

    reference = "MacKay and Bauman Peto 1995"

    def __init__(self, name: str, levels: Sequence[Context], strengths: Sequence[float] | None = None) -> None:
        if strengths is not None and (len(strengths) != len(levels) or min(strengths, default=1) <= 0):
            raise ValueError(f"strengths should be {len(levels)} numbers above 0, received {list(strengths)}")
        self.name = name
        self._levels, self._given = tuple(levels), strengths
        self.strengths: list[float] | None = None

    def fit(self, sequences: EventSequences) -> NGram:
        """Counts the training events, then chooses `strengths` if they were not given."""
        self._num_items = sequences.num_items
        train, valid = (positions_of(sequences, [split]) for split in (Split.TRAIN, Split.VALID))
        contexts = self._contexts(sequences, train)
        self._counts = [
            EventCounts(self._codes(contexts, level), sequences.item[train], self._num_items) for level in self._levels
        ]
        self.strengths = list(self._given or [_DEFAULT_STRENGTH] * len(self._levels))
        if self._given is None and len(valid):
            self._choose(*self._met(sequences, valid), sequences.user[valid])
        return self

    def log_probabilities(self, sequences: EventSequences, positions: Positions) -> FloatArray:
        """As `EventModel.log_probabilities`; reads only the counts of the events' own items."""
        strengths, uniform = self._fitted(), np.full(len(positions), 1 / sequences.num_items)
        return np.log(_back_off(*self._met(sequences, positions), strengths, uniform)).astype(np.float32)

    @property
    def num_parameters(self) -> int:
        """Number of non-zero counts and of strengths."""
        return len(self._fitted()) + sum(counts.num_entries for counts in self._counts)

    def _contexts(self, sequences: EventSequences, positions: Positions) -> Codes:
        user = sequences.user[positions].astype(np.int64)
        return user * (sequences.num_items + 1) + previous_items(sequences, positions)

    def _codes(self, contexts: Codes, level: Context) -> Codes:
        """Reduces each code of user and previous item to the parts that a level depends on."""
        user, previous = np.divmod(contexts, self._num_items + 1)
        return user * level.user * (self._num_items + 1) + previous * level.previous

    def _distribution(self, contexts: Codes) -> FloatArray:
        p = np.full((len(contexts), self._num_items), 1 / self._num_items, np.float32)
        for level, counts, strength in zip(self._levels, self._counts, self._fitted(), strict=True):
            rows = counts.rows(self._codes(contexts, level))
            p *= np.float32(strength)
            p += counts.dense(rows)
            p /= (counts.total[rows] + strength)[:, np.newaxis].astype(np.float32)
        return np.log(p, out=p)

    def _met(
        self, sequences: EventSequences, positions: Positions
    ) -> tuple[list[npt.NDArray[np.float64]], list[npt.NDArray[np.float64]]]:
        """Looks up c(x) and n of each level for each event: lists of float64[N]."""
        contexts, items = self._contexts(sequences, positions), sequences.item[positions]
        rows = [counts.rows(self._codes(contexts, level)) for level, counts in zip(self._levels, self._counts)]
        met = [counts.at(row, items) for counts, row in zip(self._counts, rows)]
        return met, [counts.total[row] for counts, row in zip(self._counts, rows)]

    def _choose(
        self,
        met: list[npt.NDArray[np.float64]],
        total: list[npt.NDArray[np.float64]],
        user: npt.NDArray[np.integer],
    ) -> None:
        strengths = self._fitted()
        uniform = np.full(len(user), 1 / self._num_items)

        def score(level: int, strength: float) -> float:
            tried = [*strengths[:level], strength, *strengths[level + 1 :]]
            return mean_nll(np.log(_back_off(met, total, tried, uniform)), user)

        before: list[float] = []
        while before != strengths:
            before = list(strengths)
            for level in range(len(strengths)):
                # The current strength comes first, so that it is kept unless another is better.
                strengths[level] = min((strengths[level], *_GRID), key=partial(score, level))

    def _fitted(self) -> list[float]:
        if self.strengths is None:
            raise RuntimeError(f"{self.name} should be fitted before it is used")
        return self.strengths


def ngrams() -> list[NGram]:
    """Creates the unfitted n-gram models: uniform, pooled (as in the paper), by user, and all levels together."""
    return [
        NGram("uniform", ()),
        NGram("1-gram", (POOLED,)),
        NGram("2-gram", (POOLED, PREVIOUS)),
        NGram("user 1-gram", (POOLED, USER)),
        NGram("user 2-gram", (POOLED, USER, USER_PREVIOUS)),
        NGram("mixed 2-gram", (POOLED, PREVIOUS, USER, USER_PREVIOUS)),
    ]


def _back_off(
    met: Sequence[npt.NDArray[np.float64]],
    total: Sequence[npt.NDArray[np.float64]],
    strengths: Sequence[float],
    p: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    for c, n, k in zip(met, total, strengths, strict=True):
        p = (c + k * p) / (n + k)
    return p


def standard(seed: int) -> list[EventBaseline]:
    """The leaderboard's."""
    return [*ngrams()]
