"""Mixtures of distributions from counts: the user's own events, others' bigrams, popularity, nearest neighbours."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from rrn_tf.baselines.events.nearest_users import nearest_users
from rrn_tf.baselines.events.own_past import Kernel, OwnPast
from rrn_tf.baselines.events.protocol import DistributionModel, EventBaseline, FloatArray
from rrn_tf.baselines.events.softmax_gate import SoftmaxGate, choose_gate
from rrn_tf.data.event_context import FEATURES, OF_TIME, features_of
from rrn_tf.data.event_scores import Positions, positions_of, previous_items
from rrn_tf.data.events import EventSequences
from rrn_tf.data.shared_counts import ABSENT, DISTRIBUTIONS, LEFT_OUT, SharedCounts
from rrn_tf.features import Split

NEAREST = "nearest users"
_PAIRS = 1 << 22  # pairs of an event and an earlier one that are held in memory at once
_SPREADS = (0.2, 0.8, 3.2)  # standard deviations of the prior of the gate's slopes, to choose from


class CountMixture(DistributionModel):
    """A mixture of distributions from the user's own earlier events and from other users' events, with a learned gate.

    Each kernel makes one distribution of all earlier events of the user, held-out ones too; those of other users are
    counted in the training events only. The gate, which gives the mixture weights, is fitted to the validation events;
    kernels and the prior of the slopes are chosen by cross-validation over users. Without validation events all weights
    are equal.

    Args:
      name: name in the leaderboard.
      reference: publication that describes the model.
      kernels: lists of kernels to choose from; each kernel gives one distribution over the user's own items.
      others: names of the mixed-in distributions of `SharedCounts`, or `NEAREST`; "uniform" should be one of them.
      features: inputs of the gate (`rrn_tf.data.event_context`); with none, all events have the same mixture weights.

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
        self._choices, self._others = kernels, [(*DISTRIBUTIONS, NEAREST).index(name) for name in others]
        self._features = [FEATURES.index(name) for name in features]
        self.kernels: Sequence[Kernel] = kernels[len(kernels) // 2]
        self.gate: SoftmaxGate | None = None

    def fit(self, sequences: EventSequences) -> CountMixture:
        """Counts the training events, then sets `kernels` and `gate` to the best choice."""
        self._counts = SharedCounts(sequences)
        if len(DISTRIBUTIONS) in self._others:
            self._neighbours = nearest_users(_items_of_users(sequences))
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
        """As `EventModel.log_probabilities`; computes the probability of the events' own items only."""
        gate, log_p = self._fitted(), self._log_p(sequences, positions, self.kernels)
        return gate.log_probabilities(self._inputs(sequences, positions), log_p).astype(np.float32)

    @property
    def num_parameters(self) -> int:
        """Number of the gate's parameters and of the non-zero counts of other users."""
        gate = self._fitted()
        return gate.constant.size + gate.slope.size + self._counts.num_entries

    def _contexts(self, sequences: EventSequences, positions: Positions) -> npt.NDArray[np.float64]:
        """Row numbers of the positions; keeps the positions, since a prediction depends on the user's whole history."""
        gate, log_p = self._fitted(), self._log_p(sequences, positions, self.kernels)
        weights = np.exp(gate.log_weights(self._inputs(sequences, positions), log_p)).astype(np.float32)
        self._asked = sequences, positions, weights
        return np.arange(len(positions), dtype=np.float64)[:, np.newaxis]

    def _distribution(self, contexts: npt.NDArray[np.float64]) -> FloatArray:
        sequences, positions, weights = self._asked
        row, own = contexts[:, 0].astype(np.int64), len(self.kernels)
        at, weights = positions[row], weights[row]
        of_others = self._counts.distributions(sequences.user[at], previous_items(sequences, at))
        if len(DISTRIBUTIONS) in self._others:
            nearest = self._neighbours[self._known(sequences.user[at])].toarray()
            of_others = np.concatenate([of_others, nearest[:, np.newaxis]], axis=1)
        p = np.einsum("bk,bkm->bm", weights[:, own:], of_others[:, self._others])
        past = OwnPast(sequences, at)
        mixed = np.zeros(len(past.row), np.float32)
        for number, kernel in enumerate(self.kernels):
            mixed += weights[past.row, number] * past.weights(kernel)
        p += past.sparse_rows(mixed, sequences.num_items).toarray()
        return np.asarray(np.log(np.maximum(p, 1e-30)))

    def _log_p(
        self, sequences: EventSequences, positions: Positions, kernels: Sequence[Kernel]
    ) -> npt.NDArray[np.float64]:
        """Log-probability of the item of each event under each distribution: float64[N, K]."""
        # Relabelled as test events, so that training events are predicted from all training counts too.
        later = replace(sequences, split=np.full_like(sequences.split, Split.TEST))
        found = np.full((len(positions), len(kernels) + len(self._others)), ABSENT)
        found[:, len(kernels) :] = self._of_others(later, positions)[:, self._others]
        place = positions - sequences.user_splits[sequences.user[positions]]
        for part in _parts(place, _PAIRS):
            past = OwnPast(sequences, positions[part])
            item = sequences.item[positions[part]]
            for number, kernel in enumerate(kernels):
                own = past.weights(kernel)
                some, p = np.bincount(past.row, own, past.rows) > 0, past.at(own, item)
                log_p = np.where(p > 0, np.log(np.maximum(p, 1e-30)), LEFT_OUT)
                found[part, number] = np.where(some, log_p, ABSENT)
        return found

    def _of_others(self, sequences: EventSequences, positions: Positions) -> npt.NDArray[np.float64]:
        """Log-probabilities of each event's item by other users: float64[N, 5], `DISTRIBUTIONS` and `NEAREST`."""
        nearest = np.full(len(positions), ABSENT)
        if len(DISTRIBUTIONS) in self._others and len(positions):
            user = self._known(sequences.user[positions])
            p = np.asarray(self._neighbours[user, sequences.item[positions] - 1], np.float64).ravel()
            found = np.where(p > 0, np.log(np.maximum(p, 1e-30)), LEFT_OUT)
            nearest = np.where(self._neighbours.getnnz(axis=1)[user] > 0, found, ABSENT)
        return np.column_stack([self._counts.log_probabilities(sequences, positions), nearest])

    def _known(self, user: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        """Users with training events, 0 for the others."""
        return np.where(user < self._neighbours.shape[0], user, 0)

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


def _items_of_users(sequences: EventSequences) -> Any:
    """Sparse float32[U + 1, M], how often each user met each item in training."""
    train = positions_of(sequences, [Split.TRAIN])
    entries = (np.ones(len(train), np.float32), (sequences.user[train], sequences.item[train] - 1))
    return sparse.csr_matrix(entries, (sequences.num_users + 1, sequences.num_items))


def _parts(load: npt.NDArray[np.integer], most: int) -> Iterator[npt.NDArray[np.intp]]:
    """Splits the indices of `load` into consecutive parts with a total load of about `most` each."""
    if len(load):
        part = np.cumsum(load) // most
        yield from np.split(np.arange(len(load)), np.flatnonzero(np.diff(part)) + 1)


def interpolated_counts() -> CountMixture:
    """Mixes unigrams and bigrams of the user, bigrams of others, popularity and the uniform distribution."""
    return CountMixture(
        "interpolated counts",
        "Jelinek and Mercer 1980",
        [[Kernel(), Kernel(context=True)]],
        ("others' 2-gram", "others' 1-gram", "uniform"),
    )


def decayed_counts_and_neighbours() -> CountMixture:
    """Mixes the user's counts, which decay with age, those of the nearest neighbours (TIFU-KNN) and popularity."""
    return CountMixture(
        "TIFU-KNN",
        "after Hu et al., SIGIR 2020",
        [[Kernel(events=events)] for events in (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, math.inf)],
        (NEAREST, "others' 1-gram", "uniform"),
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
    """Mixes all distributions of counts with weights that depend on features known before each event.

    Args:
      clock: whether the time of events is used; else only their order.
    """
    return CountMixture(
        "gated counts" if clock else "gated counts, order only",
        "Jacobs et al. 1991",
        [_BY_TIME if clock else _BY_ORDER],
        (*DISTRIBUTIONS, NEAREST),
        [name for name in FEATURES if clock or name not in OF_TIME],
    )


def standard(seed: int) -> list[EventBaseline]:
    """The leaderboard's."""
    return [interpolated_counts(), decayed_counts_and_neighbours(), gated_counts(clock=False), gated_counts()]
