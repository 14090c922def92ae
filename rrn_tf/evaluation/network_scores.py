"""Adapts Collaborative RNNs to `EventModel`, and computes their metrics on held-out events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.baselines.events.protocol import DistributionModel, FloatArray
from rrn_tf.data.event_batches import EventGroup, plan_until
from rrn_tf.data.event_scores import Positions
from rrn_tf.data.events import EventSequences
from rrn_tf.data.own_items import OwnItems
from rrn_tf.data.shared_counts import SharedCounts
from rrn_tf.evaluation.event_figures import REPEATS, SLICES, Measures, figures, sliced
from rrn_tf.evaluation.event_kinds import kinds_of
from rrn_tf.evaluation.event_protocols import scored_positions
from rrn_tf.features import Split
from rrn_tf.models.collaborative_mixture import CollaborativeMixture, StepContext
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.slow_work import each
from rrn_tf.states.event_states import EventNetwork, EventRoller

_USERS, _STEPS = 64, 64  # users of a group, and time steps of a chunk


class _StatesOfEvents(DistributionModel):
    """Base class that computes the hidden states of a network before events.

    Args:
      model: the network.
      name: name in the leaderboard.
      start: float32[U + 1, units], each user's hidden state after the training events; by default it is computed from
        these events and the zero state.
    """

    def __init__(self, model: EventNetwork, name: str, start: FloatArray | None = None) -> None:
        self.name = name
        self._after_training = start is not None
        self._start = tf.zeros([model.cell.num_users + 1, model.cell.units]) if start is None else tf.constant(start)
        self._model = model
        self._roller = EventRoller(model)

    @property
    def num_parameters(self) -> int:
        """Number of values that the network stores."""
        return int(self._model.count_params())

    def _states(self, sequences: EventSequences, positions: Positions) -> FloatArray:
        """Computes the state of the user before each event: float32[N, units]."""
        if self._after_training:
            positions = positions - np.cumsum(sequences.counts([Split.TRAIN]))[sequences.user[positions]]
            sequences = sequences.taken(sequences.split != Split.TRAIN)
        step = positions - sequences.user_splits[sequences.user[positions]] - 1
        states = self._start.numpy()[sequences.user[positions]]
        order = np.argsort(sequences.user[positions], kind="stable")
        users = sequences.user[positions][order]
        plan = plan_until(sequences, positions, _USERS, _STEPS)
        for group in each(plan.shares(), "computing states, in groups of users", len(plan)):
            after = self._states_after(group).numpy()
            first, last = (np.searchsorted(users, group.user, side) for side in ("left", "right"))
            for row in np.flatnonzero(group.user):
                at = order[first[row] : last[row]]
                at = at[step[at] >= 0]
                states[at] = after[row, step[at]]
        return states

    def _states_after(self, group: EventGroup) -> tf.Tensor:
        """Computes the state after each event of a group: float32[B, T, units]."""
        missing = _USERS - len(group.user)

        def padded(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.pad(part, [(0, missing), *[(0, 0)] * (part.ndim - 1)])

        # Groups of one size are one graph.
        group = tf.nest.map_structure(padded, group._replace(context=()))
        return self._roller.after_each(group, _STEPS, tf.gather(self._start, group.user))


class NetworkEventModel(_StatesOfEvents):
    """A trained network as an `EventModel`: it predicts each event from the state after its user's earlier events.

    Scores have the precision of the network's softmax.
    """

    _model: CollaborativeRNN

    def _contexts(self, sequences: EventSequences, positions: Positions) -> npt.NDArray[Any]:
        factors = self._model.stationary(tf.constant(sequences.user[positions])).numpy()
        return np.concatenate([self._states(sequences, positions), factors], axis=1)

    def _distribution(self, contexts: npt.NDArray[Any]) -> FloatArray:
        return self._model.softmax.log_probabilities(tf.constant(contexts)).numpy()


class MixtureEventModel(_StatesOfEvents):
    """A trained network with a mixture of distributions as an `EventModel`.

    Args:
      model: the network with its mixture.
      counts: counts of other users' events that the model was trained with.
      name: name in the leaderboard.
      start: initial hidden states, as in `NetworkEventModel`.
    """

    _model: CollaborativeMixture

    def __init__(
        self, model: CollaborativeMixture, counts: SharedCounts, name: str, start: FloatArray | None = None
    ) -> None:
        super().__init__(model, name, start)
        self._counts = counts
        self._traced: Any = None

    def _contexts(self, sequences: EventSequences, positions: Positions) -> npt.NDArray[Any]:
        self._asked = sequences, positions, self._states(sequences, positions)
        return np.arange(len(positions), dtype=np.float64)[:, np.newaxis]

    def _distribution(self, contexts: npt.NDArray[Any]) -> FloatArray:
        sequences, positions, states = self._asked
        row = contexts[:, 0].astype(np.int64)
        at, context = positions[row], sequences.context
        assert context is not None
        place = at[:, np.newaxis] + np.arange(-context.window - 1, 1)
        inside = place >= sequences.user_splits[sequences.user[at], np.newaxis]
        place = np.where(inside, place, 0)
        # The last column is the event to predict; its item is not known yet.
        item = np.where(inside, sequences.item[place], 0).astype(np.int32)
        item[:, -1] = 0
        shared = self._counts.distributions(sequences.user[at], item[:, -2])
        step = StepContext(
            item, np.where(inside, sequences.timestamp[place], 0), context.features[at, np.newaxis], shared
        )
        asked = tf.nest.map_structure(tf.constant, (states[row], sequences.user[at], step))
        if self._traced is None:
            # Traced for any number of events: TensorFlow warns of functions that are traced again and again, as for
            # each of several evaluations.
            specs = tf.nest.map_structure(lambda of: tf.TensorSpec([None, *of.shape[1:]], of.dtype), asked)
            self._traced = tf.function(self._model.distributions, autograph=False).get_concrete_function(*specs)
        found = self._traced(*asked)
        return np.log(np.maximum(found.numpy(), 1e-30))


class EnsembleEventModel(DistributionModel):
    """Several networks as one `EventModel`: the probability of an item is the mean of their probabilities.

    Args:
      networks: networks with the same users and items.
      name: name in the leaderboard.
    """

    def __init__(self, networks: Sequence[NetworkEventModel | MixtureEventModel], name: str) -> None:
        self.name = name
        self._networks = networks

    @property
    def num_parameters(self) -> int:
        """Number of values that all networks store."""
        return sum(network.num_parameters for network in self._networks)

    def _contexts(self, sequences: EventSequences, positions: Positions) -> npt.NDArray[Any]:
        contexts = [network._contexts(sequences, positions) for network in self._networks]
        self._ends = np.cumsum([part.shape[1] for part in contexts])[:-1]
        return np.concatenate(contexts, axis=1)

    def _distribution(self, contexts: npt.NDArray[Any]) -> FloatArray:
        parts = np.split(contexts, self._ends, axis=1)
        found = [network._distribution(part) for network, part in zip(self._networks, parts, strict=True)]
        return np.logaddexp.reduce(found, axis=0) - np.float32(np.log(len(found)))


def event_model(
    model: EventNetwork, counts: SharedCounts | None, name: str, start: FloatArray | None = None
) -> NetworkEventModel | MixtureEventModel:
    """Wraps a network as an `EventModel`; one with a mixture needs the counts of other users' events."""
    if isinstance(model, CollaborativeMixture):
        assert counts is not None
        return MixtureEventModel(model, counts, name, start)
    return NetworkEventModel(model, name, start)


def network_figures(
    model: EventNetwork,
    sequences: EventSequences,
    protocol: str,
    measures: Measures | None = None,
    *,
    splits: Iterable[Split] = (Split.VALID, Split.TEST),
    counts: SharedCounts | None = None,
    start: FloatArray | None = None,
    new_only: bool = False,
) -> dict[str, dict[str, Any]]:
    """Computes the metrics of a network on each split, by one protocol.

    Args:
      model: the network.
      sequences: the events.
      protocol: ``clean`` or ``interleaved`` (see `rrn_tf.evaluation.event_protocols`).
      measures: the metrics to compute; all of them, with k = 10, by default.
      splits: splits to score; those without events are left out.
      counts: counts of other users' events, for a mixture.
      start: initial hidden states, as in `NetworkEventModel`.
      new_only: whether to score only events with an item that is new to the user, ranked among such items.

    Returns:
      The `figures` of each split and, if there are training events, which the divisions need, their ``slices`` (see
      `rrn_tf.evaluation.event_kinds`); with `new_only` also ``repeats_left_out``, a number of events.
    """
    found: dict[str, dict[str, Any]] = {}
    network, measures = event_model(model, counts, "C-RNN", start), measures or Measures()
    for split in splits:
        positions = scored_positions(sequences, split, protocol)
        everything = len(positions)
        if new_only:
            positions = positions[~OwnItems(sequences).repeated[positions]]
        if not len(positions):
            continue
        values = measures.values(network.answers(sequences, positions, new_only=new_only))
        user = sequences.user[positions]
        found[split.label] = figures(values, user)
        if sequences.has(Split.TRAIN):
            found[split.label][SLICES] = sliced(values, user, kinds_of(sequences, positions))
        if new_only:
            found[split.label][REPEATS] = everything - len(positions)
    return found
