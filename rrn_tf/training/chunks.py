"""Training on groups of users, chunk by chunk: Algorithms 1 and 2 of the Collaborative RNN paper."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras

from rrn_tf.collaborative_config import CollaborativeTrainingConfig
from rrn_tf.data.event_batches import EventGroup, EventPlan
from rrn_tf.quiet import quiet_xla
from rrn_tf.states.event_states import EventNetwork, chunk_of, unroll_of
from rrn_tf.training.optimizers import LazyRMSprop
from rrn_tf.training.phases import TrainingError

# Called after each group: number of groups done, number of all groups, and the final states of this process's shares.
OnGroup = Callable[[int, int, list[tf.Tensor]], None]


class ChunkPhase:
    """Trains on every group once, in random order, with one update per chunk.

    The state is carried from chunk to chunk of a group without gradient. The loss of a chunk is the sum over its real
    steps, divided by ``users_per_batch * chunk``. Recurrent matrices and item embeddings are gathered once per chunk,
    so that gradients, slots and updates involve only the rows in use; the softmax's weights are dense.

    A group's users are divided among the replicas of all workers. Only one replica holds a user's items, gathered
    matrices and current state, which remain on it from chunk to chunk; every replica holds a copy of all tables and
    slots. Replicas exchange gradients only, never a whole table: those of the users' matrices and of the embeddings of
    the chunk's items, whose rows are concatenated, and those of the softmax's dense weights, which are summed. In
    float32, with B users a batch, chunks of C steps, H units, M items and g blocks of width H (3 in a GRU) these are::

        4 (g B H H + g B C H + H M) bytes

    plus the rows' indices. At the published setting of Brightkite (B 20, C 64, H 32, M 23,243) that is
    245,760 + 491,520 + 2,975,104 bytes, or 3.7 MB per update.

    With the full softmax, updates do not depend on the number of replicas, up to rounding. With a sampled softmax each
    replica draws its own items, so that updates do depend on it.

    Args:
      model: the network.
      plan: the groups (see `rrn_tf.data.event_batches.plan_training`), with one share per replica.
      config: learning rates and sizes.
      strategy: the devices to train on; model and optimizer are created in its scope.
    """

    name = "chunks"

    def __init__(
        self,
        model: EventNetwork,
        plan: EventPlan,
        config: CollaborativeTrainingConfig,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self._model = model
        self.plan = plan
        self._config = config
        self._strategy = strategy
        self._unroll = unroll_of(model)
        if config.softmax == "full":
            quiet_xla()  # which compiles exponentials of the softmax
        with strategy.scope():
            self.optimizer = self._make_optimizer()
            # Created now, because no variable can be created inside a graph's loop.
            self.optimizer._create_all_weights(model.trainable_variables)
        # Groups differ only in their number of steps, so that one graph serves them all.
        self._run = tf.function(self._run_group, autograph=False, reduce_retracing=True)

    def _make_optimizer(self) -> keras.optimizers.legacy.Optimizer:
        config = self._config
        return LazyRMSprop(config.learning_rate, config.rho, config.epsilon, config.gradient_clip)

    def averaged(self) -> AbstractContextManager[None]:
        """Returns a context in which the model has the weights to validate and save: here its current ones."""
        return nullcontext()

    @property
    def optimizers(self) -> dict[str, keras.optimizers.legacy.Optimizer]:
        """The optimizer, by the name of the weights that it trains."""
        return {"all": self.optimizer}

    def run(self, order: npt.NDArray[np.int64], on_group: OnGroup = lambda done, of, states: None) -> float:
        """Trains one epoch, with groups in the given order; returns the mean loss before updates, in nats per event.

        Raises:
          TrainingError: if a loss, or a weight at the end, is not finite.
        """
        total, of = 0.0, len(order)
        for done, index in enumerate(order, start=1):
            losses, states = self._run(self._distributed(self.plan.groups[index]))
            losses = losses.numpy()
            if not np.isfinite(losses).all():
                chunk = int(np.flatnonzero(~np.isfinite(losses))[0])
                raise TrainingError(
                    f"group {done} of {of}, chunk {chunk + 1} of {len(losses)}: the loss is {losses[chunk]:.6g}"
                )
            total += float(losses.sum())
            on_group(done, of, list(self._strategy.experimental_local_results(states)))
        if not all(np.isfinite(float(tf.reduce_sum(v))) for v in self._model.trainable_variables):
            raise TrainingError(f"after group {of}: the weights are not finite")
        return total * self._config.users_per_batch * self._config.chunk / max(self.plan.num_scored, 1)

    def _distributed(self, shares: list[EventGroup]) -> EventGroup:
        """Gives each replica its share; a tf.data.Dataset could do it too, but TensorFlow waits long at its end."""
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.nest.map_structure(tf.constant, shares[context.replica_id_in_sync_group])
        )

    def _run_group(self, group: EventGroup) -> tuple[tf.Tensor, Any]:
        """Trains on all chunks of a group; returns their losses, and the shares' states after the last chunk."""
        # The loop is outside of the replicas, which cannot exchange gradients inside a loop of their own.
        width = self._strategy.experimental_local_results(group.item)[0]
        chunks = (tf.shape(width)[1] - 1) // self._config.chunk
        state = self._strategy.run(lambda group: self._model.cell.initial_state(group.user.shape[0]), (group,))

        def one(index: tf.Tensor, state: Any, losses: tf.TensorArray) -> tuple[tf.Tensor, Any, tf.TensorArray]:
            loss, state = self._strategy.run(self._replica_step, (group, index, state))
            return index + 1, state, losses.write(index, self._strategy.reduce("SUM", loss, axis=None))

        _, state, losses = tf.while_loop(
            lambda index, *_: index < chunks,
            one,
            (tf.constant(0), state, tf.TensorArray(tf.float32, chunks)),
            parallel_iterations=1,
        )
        return losses.stack(), state

    def _replica_step(self, group: EventGroup, index: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        config, cell, softmax = self._config, self._model.cell, self._model.softmax
        item, real, target = chunk_of(group, index, config.chunk)
        # Gathered once, outside the tape, so that gradients are dense arrays of the rows in use.
        matrices, embedded, factors = cell.matrices(group.user), cell.embed(item), self._model.stationary(group.user)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([matrices, embedded, factors, softmax.kernel])
            states = self._unroll(embedded, state, matrices, real)
            loss = self._loss(self._model.beside(states, factors), tf.reshape(target, [-1]))
        of_matrices, of_embedded, of_factors, of_kernel = tape.gradient(
            loss, (matrices, embedded, factors, softmax.kernel)
        )
        sparse = [(_rows(g, item, table), table) for g, table in zip(of_embedded, cell.embedding)]
        sparse += [
            (_rows(g, group.user, table) if cell.personal else g, table)
            for g, table in zip(of_matrices, cell.recurrent)
        ]
        if self._model.stationary.factors:
            of_factors += self._config.stationary_l2 * factors
            sparse.append((_rows(of_factors, group.user, self._model.stationary.table), self._model.stationary.table))
        self.optimizer.apply_gradients([*sparse, (of_kernel, softmax.kernel)])
        return loss, states[:, -1]

    def _loss(self, states: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        config, softmax = self._config, self._model.softmax
        cells = config.users_per_batch * config.chunk
        if config.softmax == "full":
            return -softmax.weighted_sum(states, target, tf.fill(tf.shape(target), 1.0 / cells))
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = tf.stack([config.seed, tf.cast(self.optimizer.iterations, tf.int32)]) + tf.stack([replica, 0])
        return -tf.reduce_sum(softmax.sampled(states, target, config.samples, seed)) / cells


def _rows(gradient: tf.Tensor, index: tf.Tensor, table: tf.Variable) -> tf.IndexedSlices:
    """Turns the gradient of gathered rows into a sparse gradient of their table."""
    row = table.shape[1:]
    return tf.IndexedSlices(tf.reshape(gradient, [-1, *row]), tf.reshape(index, [-1]), tf.shape(table))
