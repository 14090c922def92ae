"""Log-likelihoods of events under a network, and the users' hidden states, without gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.data.event_batches import EventGroup, GroupContext, plan_rolling, plan_scoring, spec_of
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split
from rrn_tf.models.collaborative_mixture import CollaborativeMixture, StepContext
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.quiet import quiet_xla
from rrn_tf.slow_work import each

EventNetwork = CollaborativeRNN | CollaborativeMixture
EventMetrics = dict[str, dict[str, dict[str, float]]]

_USERS, _STEPS = 64, 64  # users of a group and steps of a chunk where no gradient is needed


def chunk_of(group: EventGroup, index: tf.Tensor, chunk: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns a group's chunk: items int32[B, chunk], which are real, and targets, 0 where none is scored."""
    begin = index * chunk
    item = group.item[:, begin : begin + chunk]
    target = group.item[:, begin + 1 : begin + chunk + 1]
    step = begin + tf.range(chunk)[tf.newaxis]
    real = step < group.length[:, tf.newaxis]
    scored = real & (step >= group.first_scored[:, tf.newaxis])
    shape = [group.item.shape[0], chunk]
    return tf.ensure_shape(item, shape), real, tf.where(scored, tf.ensure_shape(target, shape), 0)


def context_of(group: EventGroup, index: tf.Tensor, chunk: int) -> StepContext | None:
    """Returns the context of a chunk's targets, or None if the group has no context."""
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
    """Returns the `unroll` method of a model's cell as a function.

    It is compiled if each user has matrices of its own: batched products of small matrices are then five times as
    fast on a CPU, while products with one shared matrix gain nothing.
    """
    if compiled := bool(model.cell.personal):
        quiet_xla()
    return tf.function(model.cell.unroll, jit_compile=compiled, autograph=False)


class EventRoller:
    """Computes states and log-likelihoods along events.

    Args:
      model: the network; log-likelihoods are float32 whatever its softmax's precision.
    """

    def __init__(self, model: EventNetwork) -> None:
        self._model = model
        self._unroll = unroll_of(model)
        self._run: dict[tuple[str, int, int], Callable[..., tf.Tensor]] = {}

    def states(
        self, sequences: EventSequences, start: npt.NDArray[np.float32] | None = None
    ) -> npt.NDArray[np.float32]:
        """Computes float32[U + 1, units], each user's state after all training events; zeros for the unknown user 0.

        Args:
          sequences: the events.
          start: float32[U + 1, units], the initial states; zeros by default.
        """
        plan = plan_rolling(replace(sequences, context=None), _USERS, _STEPS)
        states = np.zeros((sequences.num_users + 1, self._model.cell.units), np.float32) if start is None else start
        states = states.copy()
        for group in each(plan.shares(), "computing states, in groups of users", len(plan)):
            states[group.user] = self._over_group(
                self._final_states, group, plan.chunk, tf.constant(states[group.user])
            ).numpy()
        states[0] = 0
        return states

    def score(self, sequences: EventSequences, split: Split) -> dict[str, float]:
        """Scores each event of a later split from all events before it (protocol `clean`).

        Returns:
          ``nll``, the mean over users of each one's mean negative log-likelihood, in nats, and ``n``, the event count.
        """
        plan = plan_scoring(sequences, split, _USERS, _STEPS)
        groups = each(plan.shares(), "scoring events, in groups of users", len(plan))
        return mean_nll(np.concatenate([np.zeros((0, 2)), *(self.sums(group, plan.chunk) for group in groups)]))

    def after_each(self, group: EventGroup, chunk: int, state: tf.Tensor) -> tf.Tensor:
        """float32[B, T, units], the state after each of a group's events.

        Args:
          group: events, without context.
          chunk: steps of a chunk.
          state: float[B, units], before them.
        """
        return self._over_group(self._each, group, chunk, state)

    def sums(self, group: EventGroup, chunk: int, state: tf.Tensor | None = None) -> npt.NDArray[np.float64]:
        """Computes float64[n, 2]: the total log-likelihood and the number of scored events of each user of a group."""
        found = self._over_group(self._log_likelihoods, group, chunk, state)
        scored = np.maximum(group.length - group.first_scored, 0)
        return np.stack([found.numpy(), scored], axis=1)[group.user > 0]

    def _over_group(
        self, what: Callable[..., tf.Tensor], group: EventGroup, chunk: int, state: tf.Tensor | None
    ) -> tf.Tensor:
        """Applies `_final_states`, `_each` or `_log_likelihoods` to a group, traced once per number of users."""
        group = tf.nest.map_structure(tf.convert_to_tensor, group)
        users, cell = group.user.shape[0], self._model.cell
        key = what.__name__, users, chunk
        if key not in self._run:
            state_spec = tf.TensorSpec([users, cell.units], cell.compute_dtype)
            self._run[key] = tf.function(
                partial(what, chunk), input_signature=[spec_of(group), state_spec], autograph=False
            )
        return self._run[key](group, cell.initial_state(users) if state is None else tf.cast(state, cell.compute_dtype))

    def _final_states(self, chunk: int, group: EventGroup, state: tf.Tensor) -> tf.Tensor:
        """Computes the states float[B, units] after a group's events."""
        model, matrices = self._model, self._model.cell.matrices(group.user)

        def one(index: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            item, real, _ = chunk_of(group, index, chunk)
            return index + 1, self._unroll(model.embed(item), state, matrices, real)[:, -1]

        return self._chunk_by_chunk(one, chunk, group, state)[0]

    def _each(self, chunk: int, group: EventGroup, state: tf.Tensor) -> tf.Tensor:
        """Computes the states float32[B, T, units] after each of a group's events."""
        model, matrices = self._model, self._model.cell.matrices(group.user)

        def one(
            index: tf.Tensor, state: tf.Tensor, found: tf.TensorArray
        ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
            item, real, _ = chunk_of(group, index, chunk)
            states = self._unroll(model.embed(item), state, matrices, real)
            return index + 1, states[:, -1], found.write(index, tf.transpose(states, [1, 0, 2]))

        found = tf.TensorArray(model.cell.compute_dtype, (tf.shape(group.item)[1] - 1) // chunk)
        _, found = self._chunk_by_chunk(one, chunk, group, state, found)
        return tf.cast(tf.transpose(found.concat(), [1, 0, 2]), tf.float32)

    def _log_likelihoods(self, chunk: int, group: EventGroup, state: tf.Tensor) -> tf.Tensor:
        """Computes the total log-likelihood [B] of a group's scored events."""
        model, matrices = self._model, self._model.cell.matrices(group.user)

        def one(index: tf.Tensor, state: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            item, real, target = chunk_of(group, index, chunk)
            states = self._unroll(model.embed(item), state, matrices, real)
            found = model.scored(states, group.user, target, context_of(group, index, chunk))
            return index + 1, states[:, -1], total + tf.reduce_sum(found, axis=1)

        return self._chunk_by_chunk(one, chunk, group, state, tf.zeros(group.user.shape))[1]

    @staticmethod
    def _chunk_by_chunk(
        one: Callable[..., tuple[tf.Tensor, ...]], chunk: int, group: EventGroup, *start: tf.Tensor
    ) -> list[tf.Tensor]:
        """Loops over a group's chunks with the body `one`; returns the loop's final values without the chunk index."""
        chunks = (tf.shape(group.item)[1] - 1) // chunk
        loop = (tf.constant(0), *start)
        return list(tf.while_loop(lambda index, *_: index < chunks, one, loop, parallel_iterations=1)[1:])


def mean_nll(sums: npt.NDArray[np.float64]) -> dict[str, float]:
    """Averages log-likelihoods and counts [users, 2] to ``nll`` and ``n``; ``nll`` is infinite without events."""
    scored = sums[sums[:, 1] > 0]
    nll = float(np.mean(-scored[:, 0] / scored[:, 1])) if len(scored) else float("inf")
    return {"nll": nll, "n": int(scored[:, 1].sum())}
