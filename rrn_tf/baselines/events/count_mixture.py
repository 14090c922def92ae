"""Mixtures of counts: what the user did before, what others do after the same item, what all do, who is alike."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from rrn_tf.baselines.events.own_past import Kernel, OwnPast
from rrn_tf.baselines.events.protocol import DistributionModel, FloatArray
from rrn_tf.baselines.events.softmax_gate import SoftmaxGate, choose_gate
from rrn_tf.data.event_context import FEATURES, OF_TIME, features_of
from rrn_tf.data.event_scores import Positions, positions_of, previous_items
from rrn_tf.data.events import EventSequences
from rrn_tf.data.shared_counts import ABSENT, DISTRIBUTIONS, LEFT_OUT, SharedCounts
from rrn_tf.features import Split

_PAIRS = 1 << 22  # of an event and an earlier one, held at once
_SPREADS = (0.2, 0.8, 3.2)


class CountMixture(DistributionModel):
    """Distributions over the user's earlier events, one a kernel, and counts of others, weighed by a gate.

    A user's own events count as they come, held-out ones too; others' are those of training. The gate is fitted to the
    validation events, kernels and the spread of its slopes are chosen by what gates of some users say of the others.
    Without validation events all distributions weigh the same.

    Args:
      name: of the leaderboard.
      reference: where the model is from.
      kernels: of the distributions of the user's own; several such lists to choose from.
      others: which of `SharedCounts` stand beside them; "uniform" should be among them.
      features: by which the gate weighs (`rrn_tf.data.event_context`); none for the same weights at every event.

    Example:
      >>> model = gated_counts().fit(sequences)
      >>> len(model.log_probabilities(sequences, positions)) == len(positions)
      True

    Reference:
      Jelinek and Mercer, Interpolated Estimation of Markov Source Parameters from Sparse Data, 1980; Jacobs et al.,
      Adaptive Mixtures of Local Experts, Neural Computation 1991 (the gate).
    """

    def __init__(
        self,
        name: str,
        reference: str,
        kernels: Sequence[Sequence[Kernel]],
        others: Sequence[str],
        features: Sequence[str] = (),
    ) -> None:
        self.name, self.reference = name, reference
        self._choices, self._others = kernels, [DISTRIBUTIONS.index(name) for name in others]
        self._features = [FEATURES.index(name) for name in features]
        self.kernels: Sequence[Kernel] = kernels[len(kernels) // 2]
        self.gate: SoftmaxGate | None = None

    def fit(self, sequences: EventSequences) -> CountMixture:
        """Counts the training events; `kernels` and `gate` then hold what was chosen."""
        self._counts = SharedCounts(sequences, kept=sequences.num_items)
        valid = positions_of(sequences, [Split.VALID])
        if not len(valid):
            distributions = len(self.kernels) + len(self._others)
            self.gate = SoftmaxGate(np.zeros(distributions), np.zeros((len(self._features), distributions)))
            return self
        inputs, user = self._inputs(sequences, valid), sequences.user[valid]
        spreads = _SPREADS if self._features else _SPREADS[:1]
        best = math.inf
        for kernels in self._choices:
            log_p = self._log_p(sequences, valid, kernels)
            gate, found = choose_gate(inputs, log_p, user, spreads)
            if found < best:
                best, self.kernels, self.gate = found, kernels, gate
        return self

    def log_probabilities(self, sequences: EventSequences, positions: Positions) -> FloatArray:
        """As `EventModel.log_probabilities`; reads only what is said of the events' own items."""
        gate, log_p = self._fitted(), self._log_p(sequences, positions, self.kernels)
        return gate.log_probabilities(self._inputs(sequences, positions), log_p).astype(np.float32)

    @property
    def num_parameters(self) -> int:
        """Of the gate, and counts of others that are not zero."""
        gate = self._fitted()
        return gate.constant.size + gate.slope.size + self._counts.num_entries

    def _contexts(self, sequences: EventSequences, positions: Positions) -> npt.NDArray[np.float64]:
        """Numbers of the rows that are asked about: what they depend on is the whole past of their users."""
        gate, log_p = self._fitted(), self._log_p(sequences, positions, self.kernels)
        weights = np.exp(gate.log_weights(self._inputs(sequences, positions), log_p)).astype(np.float32)
        self._asked = sequences, positions, weights
        return np.arange(len(positions), dtype=np.float64)[:, np.newaxis]

    def _distribution(self, contexts: npt.NDArray[np.float64]) -> FloatArray:
        sequences, positions, weights = self._asked
        row, own = contexts[:, 0].astype(np.int64), len(self.kernels)
        at, weights = positions[row], weights[row]
        of_others = self._counts.distributions(sequences.user[at], previous_items(sequences, at))
        p = np.einsum("bk,bkm->bm", weights[:, own:], of_others[:, self._others])
        past = OwnPast(sequences, at)
        mixed = np.zeros(len(past.row), np.float32)
        for number, kernel in enumerate(self.kernels):
            mixed += weights[past.row, number] * past.shares(kernel)
        p += past.sparse_rows(mixed, sequences.num_items).toarray()
        return np.asarray(np.log(np.maximum(p, 1e-30)))

    def _log_p(
        self, sequences: EventSequences, positions: Positions, kernels: Sequence[Kernel]
    ) -> npt.NDArray[np.float64]:
        """What each distribution says of the item of each event: float64[N, K]."""
        # Asked as later events are: training events, too, are predicted from counts as they were fitted.
        later = replace(sequences, split=np.full_like(sequences.split, Split.TEST))
        found = np.full((len(positions), len(kernels) + len(self._others)), ABSENT)
        found[:, len(kernels) :] = self._counts.log_probabilities(later, positions)[:, self._others]
        place = positions - sequences.user_splits[sequences.user[positions]]
        for part in _parts(place, _PAIRS):
            past = OwnPast(sequences, positions[part])
            item = sequences.item[positions[part]]
            for number, kernel in enumerate(kernels):
                shares = past.shares(kernel)
                some, p = np.bincount(past.row, shares, past.rows) > 0, past.at(shares, item)
                log_p = np.where(p > 0, np.log(np.maximum(p, 1e-30)), LEFT_OUT)
                found[part, number] = np.where(some, log_p, ABSENT)
        return found

    def _inputs(self, sequences: EventSequences, positions: Positions) -> npt.NDArray[np.float64]:
        if not self._features:
            return np.empty((len(positions), 0))
        others = self._counts.others_total(sequences, np.arange(len(sequences.item)))
        features = features_of(sequences, others, len(sequences.item))
        return features[positions][:, self._features].astype(np.float64)

    def _fitted(self) -> SoftmaxGate:
        if self.gate is None:
            raise RuntimeError(f"{self.name} should be fitted before it is used")
        return self.gate


def _parts(load: npt.NDArray[np.integer], most: int) -> Iterator[npt.NDArray[np.intp]]:
    """Indices in order, in parts of a load of about `most`."""
    if len(load):
        part = np.cumsum(load) // most
        yield from np.split(np.arange(len(load)), np.flatnonzero(np.diff(part)) + 1)


def interpolated_counts() -> CountMixture:
    """1-grams and 2-grams of the user, 2-grams of others, popularity and the uniform distribution; weights by data."""
    return CountMixture(
        "interpolated counts",
        "Jelinek and Mercer 1980",
        [[Kernel(), Kernel(context=True)]],
        ("others' 2-gram", "others' 1-gram", "uniform"),
    )


def decayed_counts_and_neighbours() -> CountMixture:
    """The user's counts, old events fading, and those of the nearest users, as in TIFU-KNN (and popularity)."""
    return CountMixture(
        "TIFU-KNN",
        "after Hu et al., SIGIR 2020",
        [[Kernel(events=events)] for events in (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, math.inf)],
        ("nearest users", "others' 1-gram", "uniform"),
    )


_BY_ORDER = (
    Kernel(),
    Kernel(events=5),
    Kernel(events=40),
    Kernel(power=1),
    Kernel(context=True),
    Kernel(events=40, context=True),
)
_BY_TIME = (
    Kernel(),
    Kernel(events=60, day=3),
    Kernel(events=5),
    Kernel(events=40),
    Kernel(power=1),
    Kernel(context=True),
    Kernel(events=200, day=3, context=True),
)


def gated_counts(clock: bool = True) -> CountMixture:
    """All of them, weighed at each event by a gate of what is known before it.

    Args:
      clock: whether time counts, or order alone.
    """
    return CountMixture(
        "gated counts" if clock else "gated counts, order only",
        "Jacobs et al. 1991",
        [_BY_TIME if clock else _BY_ORDER],
        DISTRIBUTIONS,
        [name for name in FEATURES if clock or name not in OF_TIME],
    )
