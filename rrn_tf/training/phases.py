"""A phase of alternating subspace descent: trains one side while the other is constant (Section 3.4)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tf_keras as keras

from rrn_tf.config import TrainingConfig
from rrn_tf.data.batches import BatchPlan, SequenceBatch
from rrn_tf.features import SIDES, Side
from rrn_tf.layers.rows import gathered
from rrn_tf.models.rrn import RATINGS, RRN
from rrn_tf.states.step_states import StepStates
from rrn_tf.training.optimizers import LazyAdam


class TrainingError(RuntimeError):
    """Raised if training cannot continue; the message names the phase, the epoch and the batch."""


class Phase:
    """The user phase or the item phase.

    It trains the side's network with Adam and its stationary factors with SGD; the opposite side's
    projected states and stationary factors are constants.

    Args:
      side: the side to train.
      model: the network.
      states: cached row states, of which only the opposite side's are read.
      plan: the side's batches.
      config: learning rates and regularisation.
      strategy: the devices to train on.
    """

    def __init__(
        self,
        side: Side,
        model: RRN,
        states: StepStates,
        plan: BatchPlan,
        config: TrainingConfig,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self.side = side
        self.name = f"{side.value}_phase"
        self._model = model
        self._opposite_rows = states.vectors[side.opposite]
        self._plan = plan
        self._config = config
        self._strategy = strategy
        with strategy.scope():
            self.network_optimizer = LazyAdam(config.learning_rate, config.gradient_clip)
            self.factor_optimizer = keras.optimizers.legacy.SGD(config.factor_learning_rate)
        self.network_variables = model.network_variables(side)
        self._embeddings = [model.encoder(side).embedding] if model.inputs == RATINGS else []
        self._dense_variables = [v for v in self.network_variables if all(v is not e for e in self._embeddings)]
        self.factor_variables = list(model.factors(side).trainable_variables)
        with strategy.scope():
            # Created now: a restored checkpoint would overwrite a learning rate that is created later.
            self.network_optimizer._create_all_weights(self.network_variables)
            self.factor_optimizer._create_all_weights(self.factor_variables)
        # An error of ten times the range of the ratings means that training has exploded.
        metadata = states.sequences.metadata
        self._largest_error = (10 * max(metadata.rating_max - metadata.rating_min, 1.0)) ** 2
        self._step: Callable[[SequenceBatch], tf.Tensor] | None = None

    @property
    def optimizers(self) -> dict[str, keras.optimizers.legacy.Optimizer]:
        """The phase's optimizers, by the name of the weights that they train."""
        return {"network": self.network_optimizer, "factors": self.factor_optimizer}

    def run(
        self,
        rng: np.random.Generator,
        on_batch: Callable[[int, int], None] = lambda done, of: None,
        rate: float = 1.0,
    ) -> float:
        """Trains on all batches once, in random order; returns the RMSE of predictions before each update.

        Args:
          rng: the random generator that orders the batches.
          on_batch: called after each batch.
          rate: a factor on the learning rates.

        Raises:
          TrainingError: if the loss is not finite or explodes, or if weights are not finite after the last
            update.
        """
        order = rng.permutation(len(self._plan))
        data = self._strategy.distribute_datasets_from_function(lambda context: self._plan.dataset(order, context))
        if self._step is None:
            self._step = tf.function(self._distributed_step, input_signature=[data.element_spec], autograph=False)
        self.network_optimizer.learning_rate = rate * self._config.learning_rate
        self.factor_optimizer.learning_rate = rate * self._config.factor_learning_rate
        total = 0.0
        for done, batch in enumerate(data, start=1):
            loss = float(self._step(batch))
            if not loss < self._plan.totals[order[done - 1]] * self._largest_error:
                raise TrainingError(f"{self.name}, batch {done} of {len(self._plan)}: the loss is {loss:.6g}")
            total += loss
            on_batch(done, len(self._plan))
        if not all(np.isfinite(float(tf.reduce_sum(v))) for v in self.network_variables + self.factor_variables):
            raise TrainingError(f"{self.name}, after batch {len(self._plan)}: the weights are not finite")
        return float(np.sqrt(total / max(self._plan.num_ratings, 1)))

    def _distributed_step(self, batch: SequenceBatch) -> tf.Tensor:
        losses = self._strategy.run(self._replica_step, (batch,))
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    def _replica_step(self, batch: SequenceBatch) -> tf.Tensor:
        config, model, side = self._config, self._model, self.side
        # Gathered once, outside the tape, so that the gradient is a dense matrix of the rows in use.
        rows = [gathered(table, batch.distinct) for table in self._embeddings]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([rows, self._dense_variables, self.factor_variables])
            factors = model.factors(side)(batch.entity)
            error = batch.rating[:, tf.newaxis] - self._predict(batch, rows, factors)
            squared_error = tf.reduce_sum(tf.square(error)) / model.emission.ensemble
            objective = (
                squared_error * model.emission.ensemble / batch.total
                + config.network_l2 * self._network_penalty(batch, rows)
            )
        row_gradients, dense, (factor_gradient,) = tape.gradient(
            objective, (rows, self._dense_variables, self.factor_variables)
        )
        sparse = [
            tf.IndexedSlices(gradient, batch.distinct, tf.shape(table))
            for gradient, table in zip(row_gradients, self._embeddings, strict=True)
        ]
        self.network_optimizer.apply_gradients(
            zip([*sparse, *dense], [*self._embeddings, *self._dense_variables], strict=True)
        )
        if factors.shape[-1]:  # TensorFlow crashes if workers exchange empty tensors
            self._step_factors(batch, factors, factor_gradient)
        return squared_error

    def _predict(self, batch: SequenceBatch, rows: list[tf.Tensor], factors: tf.Tensor) -> tf.Tensor:
        """Predicts the batch's N ratings by each network of the ensemble, as float[N, ensemble]."""
        model, side = self._model, self.side
        context, length = self._not_empty(batch)
        shape = tf.shape(context)
        vectors = gathered(self._opposite_rows, batch.opposite_row)
        own_factors = tf.gather(factors, batch.slot // shape[1])
        opposite_factors = tf.gather(model.factors(side.opposite)(batch.distinct), batch.position)
        encoder, slots = model.encoder(side), shape[0] * shape[1]
        if rows:
            embedded = encoder.embed_rows(rows[0], batch.position, batch.rating, batch.input_slot, slots)
        else:
            innovation = model.innovation(side, batch.rating, vectors, own_factors, opposite_factors)
            embedded = encoder.embed_innovations(innovation, vectors, batch.input_slot, slots)
        dropout = (self._config.dropout, self._dropout_seed()) if self._config.dropout else None
        states = model.states(side, embedded, context, length, dropout)
        own = tf.reshape(model.projection(side)(states), [-1, model.emission.units])
        stationary = tf.reduce_sum(own_factors * opposite_factors, axis=-1, keepdims=True)
        return model.emission.of_each_network(tf.gather(own, batch.slot), vectors) + stationary

    def _not_empty(self, batch: SequenceBatch) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns contexts and lengths of the sequences, or of one without steps where a replica's share has none.

        TensorFlow's gradients of an ensemble's matrices are not zero but whatever is in memory if there are no rows.
        """
        if self._strategy.num_replicas_in_sync == 1:
            return batch.context, batch.length
        missing = tf.cast(tf.equal(tf.size(batch.length), 0), tf.int32)
        return tf.pad(batch.context, [[0, missing], [0, 0], [0, 0]]), tf.pad(batch.length, [[0, missing]])

    def _dropout_seed(self) -> tf.Tensor:
        """Returns the seed of the next update, the same after a resume and different for each replica and side."""
        replica = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int64)
        update = self._strategy.num_replicas_in_sync * self.network_optimizer.iterations + replica
        return tf.stack([tf.constant(2 * self._config.seed + SIDES.index(self.side), tf.int64), update])

    def _network_penalty(self, batch: SequenceBatch, rows: list[tf.Tensor]) -> tf.Tensor:
        """Computes R(theta) of Eq. 8 without the factors: dense weights, and each embedding as often as it is used."""
        penalty = tf.add_n([tf.reduce_sum(tf.square(variable)) for variable in self._dense_variables])
        penalty /= self._strategy.num_replicas_in_sync
        for table in rows:
            penalty += tf.reduce_sum(tf.square(table) * batch.distinct_count[:, tf.newaxis]) / batch.total
        return penalty

    def _step_factors(self, batch: SequenceBatch, factors: tf.Tensor, gradient: tf.IndexedSlices) -> None:
        """Updates factors by SGD on each entity's mean gradient, so that one rate suits few and many ratings."""
        steps = tf.shape(batch.context)[1]
        ones = tf.ones_like(batch.rating)
        counts = tf.math.unsorted_segment_sum(ones, batch.slot // steps, tf.shape(batch.entity)[0])
        scale = (batch.total / tf.maximum(counts, 1.0))[:, tf.newaxis]
        mean = gradient.values * scale + 2.0 * self._config.factor_l2 * factors
        self.factor_optimizer.apply_gradients(
            [(tf.IndexedSlices(mean, gradient.indices, gradient.dense_shape), self.factor_variables[0])]
        )
