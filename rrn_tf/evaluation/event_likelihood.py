"""Likelihoods of events under a Collaborative RNN, and the users' states, without gradients."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.data.event_batches import EventGroup, GroupContext, plan_rolling, plan_scoring, spec_of
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split
from rrn_tf.models.collaborative_mixture import CollaborativeMixture, StepContext
from rrn_tf.models.collaborative_rnn import CollaborativeRNN

EventNetwork = CollaborativeRNN | CollaborativeMixture
EventMetrics = dict[str, dict[str, dict[str, float]]]

_USERS, _STEPS = 64, 64  # of a group and of a chunk when states are rolled


def chunk_of(group: EventGroup, index: tf.Tensor, chunk: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Items int32[B, chunk] of a chunk of a group, which of them are real, and the targets, 0 where none is scored."""
    begin = index * chunk
    item = group.item[:, begin : begin + chunk]
    target = group.item[:, begin + 1 : begin + chunk + 1]
    step = begin + tf.range(chunk)[tf.newaxis]
    real = step < group.length[:, tf.newaxis]
    scored = real & (step >= group.first_scored[:, tf.newaxis])
    shape = [group.item.shape[0], chunk]
    return tf.ensure_shape(item, shape), real, tf.where(scored, tf.ensure_shape(target, shape), 0)


def context_of(group: EventGroup, index: tf.Tensor, chunk: int) -> StepContext | None:
    """What the targets of a chunk of a group are predicted from, beside states, if the group has it."""
    if not isinstance(group.context, GroupContext):
        return None
    begin, context, users = index * chunk, group.context, group.user.shape[0]
    window = tf.shape(context.item)[1] - tf.shape(group.item)[1]
    seen = slice(begin, begin + window + 1 + chunk)
    features, shared = (
        tf.ensure_shape(part[:, begin : begin + chunk], [users, chunk, part.shape[2]])
        for part in (context.features, context.shared)
    )
    return StepContext(context.item[:, seen], context.time[:, seen], features, shared)


def unroll_of(model: EventNetwork) -> Callable[..., tf.Tensor]:
    """The recurrence of a model's cell.

    It is compiled where each user has matrices of its own: batched products of small matrices are then five times as
    fast on a CPU, while one matrix for all is not.
    """
    return tf.function(model.cell.unroll, jit_compile=bool(model.cell.personal), autograph=False)


class EventRoller:
    """Rolls a model along events.

    Args:
      model: the network; scores are in float32 whatever its softmax's precision.
    """

    def __init__(self, model: EventNetwork) -> None:
        self._model = model
        self._unroll = unroll_of(model)
        self._run: dict[tuple[int, int], Callable[..., tuple[tf.Tensor, tf.Tensor]]] = {}

    def states(self, sequences: EventSequences) -> npt.NDArray[np.float32]:
        """float32[U + 1, units], the state of each user after all training events; zeros for the unknown user 0."""
        plan = plan_rolling(sequences, _USERS, _STEPS)
        states = np.zeros((sequences.num_users + 1, self._model.cell.units), np.float32)
        for group in plan.shares():
            states[group.user] = self.roll(group, plan.chunk)[0].numpy()
        states[0] = 0
        return states

    def score(self, sequences: EventSequences, split: Split) -> dict[str, float]:
        """Each event of a later split from all before it (protocol `clean`).

        Returns:
          ``nll``, the mean over users of each one's mean, in nats, and ``n``, the number of events.
        """
        plan = plan_scoring(sequences, split, _USERS, _STEPS)
        return mean_nll(np.concatenate([np.zeros((0, 2)), *(self.sums(group, plan.chunk) for group in plan.shares())]))

    def sums(self, group: EventGroup, chunk: int, state: tf.Tensor | None = None) -> npt.NDArray[np.float64]:
        """float64[n, 2], log-likelihood and number of scored events of each user of a group."""
        _, found = self.roll(group, chunk, state)
        scored = np.maximum(group.length - group.first_scored, 0)
        return np.stack([found.numpy(), scored], axis=1)[group.user > 0]

    def roll(self, group: EventGroup, chunk: int, state: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """States float[B, units] after a group's events, and the log-likelihood [B] of those that are scored."""
        group = tf.nest.map_structure(tf.convert_to_tensor, group)
        users, units = group.user.shape[0], self._model.cell.units
        if (users, chunk) not in self._run:
            state_spec = tf.TensorSpec([users, units], self._model.cell.compute_dtype)
            self._run[users, chunk] = tf.function(
                partial(self._roll, chunk), input_signature=[spec_of(group), state_spec], autograph=False
            )
        return self._run[users, chunk](group, self._model.cell.initial_state(users) if state is None else state)

    def _roll(self, chunk: int, group: EventGroup, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        model = self._model
        matrices = model.cell.matrices(group.user)

        def one(index: tf.Tensor, state: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            item, real, target = chunk_of(group, index, chunk)
            states = self._unroll(model.embed(item), state, matrices, real)
            found = model.scored(states, group.user, target, context_of(group, index, chunk))
            return index + 1, states[:, -1], total + tf.reduce_sum(found, axis=1)

        chunks = (tf.shape(group.item)[1] - 1) // chunk
        start = (tf.constant(0), state, tf.zeros(group.user.shape))
        _, state, total = tf.while_loop(lambda index, *_: index < chunks, one, start, parallel_iterations=1)
        return state, total


def mean_nll(sums: npt.NDArray[np.float64]) -> dict[str, float]:
    """``nll`` and ``n`` of log-likelihoods and counts [users, 2]; ``nll`` is infinite without events."""
    scored = sums[sums[:, 1] > 0]
    nll = float(np.mean(-scored[:, 0] / scored[:, 1])) if len(scored) else float("inf")
    return {"nll": nll, "n": int(scored[:, 1].sum())}
