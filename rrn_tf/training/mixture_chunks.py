"""Training of the mixture model of events, chunk by chunk."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras

from rrn_tf.collaborative_config import CollaborativeTrainingConfig
from rrn_tf.data.event_batches import EventGroup, EventPlan, frequent_items
from rrn_tf.layers.candidates import Candidates, candidates
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.states.event_states import chunk_of, context_of
from rrn_tf.training.chunks import ChunkPhase, OnGroup
from rrn_tf.training.optimizers import LazyAdam

_BETA = 0.98  # decay of Adam's mean square
_AVERAGED = 16  # number of times per epoch that the averages are updated


class MixtureChunkPhase(ChunkPhase):
    """A `ChunkPhase` that trains all parts of a mixture together by Adam, with dropout and averaged weights.

    With a sampled softmax, the network's sum over a large catalogue is estimated from the items of the chunk's users,
    the most frequent items, and `training.samples` items drawn from all, which represent the others. It is exact in a
    catalogue of at most `training.samples` items, and always in validation.

    Dropout (`training.dropout`) applies to item vectors, including those attended to, to states and to user factors.
    Each replica draws its own mask, so that only without dropout the updates do not depend on the number of replicas.
    The weights that are validated and saved are exponential averages over about the last `training.averaging` epochs.

    Args:
      model, plan, config, strategy: as in `ChunkPhase`; the plan's groups have a context.

    Reference:
      Srivastava et al., Dropout, JMLR 2014; Polyak and Juditsky, Acceleration of Stochastic Approximation by Averaging,
      SIAM Journal on Control and Optimization 1992.
    """

    _model: CollaborativeMixture

    def __init__(
        self,
        model: CollaborativeMixture,
        plan: EventPlan,
        config: CollaborativeTrainingConfig,
        strategy: tf.distribute.Strategy,
    ) -> None:
        super().__init__(model, plan, config, strategy)
        # TensorFlow crashes if workers exchange empty tensors, such as the user factors of a model without them.
        self._weights = [variable for variable in model.trainable_variables if variable.shape.num_elements()]
        self._averages: Averages | None = None
        if config.averaging:
            with strategy.scope():
                self._averages = Averages(self._weights)
        # A catalogue of at most as many items as would be drawn is not sampled.
        sampled = config.softmax == "sampled" and config.samples < model.num_items
        self._often = frequent_items(plan, config.samples // 2) if sampled else None
        every = max(len(plan) // _AVERAGED, 1)
        self._every = every
        self._kept = math.exp(-every / max(config.averaging * len(plan), 1e-9)) if config.averaging else 0.0

    def _make_optimizer(self) -> keras.optimizers.legacy.Optimizer:
        return LazyAdam(self._config.learning_rate, self._config.gradient_clip, beta_2=_BETA)

    @property
    def optimizers(self) -> dict[str, tf.Module | keras.optimizers.legacy.Optimizer]:
        """The optimizer and the averages, which are saved and restored with it."""
        return {**super().optimizers, **({"averages": self._averages} if self._averages else {})}

    def run(self, order: npt.NDArray[np.int64], on_group: OnGroup = lambda done, of, states: None) -> float:
        """Trains one epoch (see `ChunkPhase.run`), and updates the averages in between."""

        def averaging(done: int, of: int, states: list[tf.Tensor]) -> None:
            if self._averages and (done % self._every == 0 or done == of):
                self._averages.follow(self._kept)
            on_group(done, of, states)

        return super().run(order, averaging)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Returns a context in which the model's weights are the averages."""
        if self._averages is None:
            yield
            return
        self._averages.exchange()
        try:
            yield
        finally:
            self._averages.exchange()

    def _replica_step(self, group: EventGroup, index: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        config, model = self._config, self._model
        item, real, target = chunk_of(group, index, config.chunk)
        context = context_of(group, index, config.chunk)
        assert context is not None
        among = self._candidates(context.item) if self._often is not None else None
        with tf.GradientTape() as tape:
            vectors = self._dropped(tf.gather(model.items, item), 0)
            states = self._unroll(model.enter(vectors), state, model.cell.matrices(group.user), real)
            factors = self._dropped(model.stationary(group.user), 1)
            past = self._dropped(tf.gather(model.items, context.item), 3)
            at = self._dropped(model.with_past(states, past, context), 2)
            found = model.mixed(at, factors, target, context, tf.as_dtype(config.precision), among)
            loss = -tf.reduce_sum(found) / (config.users_per_batch * config.chunk)
        gradients = zip(tape.gradient(loss, self._weights), self._weights)
        self.optimizer.apply_gradients([(self._whole(g, v), v) for g, v in gradients if g is not None])
        return loss, states[:, -1]

    def _candidates(self, met: tf.Tensor) -> Candidates:
        """Returns the items of this update's softmax: those that its users met, frequent ones, and a random sample."""
        certain = tf.concat([tf.reshape(met, [-1]), tf.constant(self._often)], axis=0)
        return candidates(certain, self._model.num_items, self._config.samples, self._seed(4))

    def _whole(self, gradient: Any, variable: tf.Variable) -> Any:
        """Makes an item table's gradient dense: Adam overfits items that it updates only when they are sampled."""
        of_items = any(variable is table for table in self._model.of_items)
        return tf.convert_to_tensor(gradient) if of_items else gradient

    def _dropped(self, values: tf.Tensor, number: int) -> tf.Tensor:
        """Applies dropout to values, by a mask that differs between replicas and between the `number`s of an update."""
        if not self._config.dropout:
            return values
        return tf.nn.experimental.stateless_dropout(values, self._config.dropout, self._seed(number))

    def _seed(self, number: int) -> tf.Tensor:
        """Returns the random seed of this update, which differs between replicas and between `number`s."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = tf.stack([self._config.seed, tf.cast(self.optimizer.iterations, tf.int32)])
        return tf.random.experimental.stateless_fold_in(seed, 5 * replica + number)


class Averages(tf.Module):
    """Exponential moving averages of variables.

    Args:
      variables: the float32 variables to average.
    """

    def __init__(self, variables: list[tf.Variable]) -> None:
        super().__init__(name="averages")
        self._of = variables
        self.values = [tf.Variable(variable, trainable=False) for variable in variables]

    def follow(self, kept: float) -> None:
        """Moves the averages towards the variables; `kept` is the weight of their former values."""
        for average, variable in zip(self.values, self._of, strict=True):
            average.assign_add((1 - kept) * (variable - average))

    def exchange(self) -> None:
        """Swaps the values of variables and averages."""
        for average, variable in zip(self.values, self._of, strict=True):
            values = variable.read_value() + 0
            variable.assign(average)
            average.assign(values)
