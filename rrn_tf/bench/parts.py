"""Measures the parts of a phase separately, on the phase's own batches."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from rrn_tf.bench.limits import best_seconds
from rrn_tf.data.batches import BATCH_SPEC, BatchPlan, SequenceBatch
from rrn_tf.layers.rows import gathered
from rrn_tf.models.rrn import RATINGS, RRN
from rrn_tf.states.step_states import StepStates
from rrn_tf.training.phases import Phase

_SAMPLE = 24  # number of batches in the sample, evenly spread from long sequences to short ones
_REPEATS = 2

# A part of a step is a function of a batch and float32[B, T, width].
_Part = Callable[[SequenceBatch, tf.Tensor], Any]


def measure_parts(
    phase: Phase, model: RRN, states: StepStates, plan: BatchPlan, strategy: tf.distribute.Strategy
) -> dict[str, float]:
    """Measures the seconds of each part of a phase alone, with the layers and optimizers of the training step.

    If there are many batches, a sample is measured and scaled by time steps. This changes the side's weights and
    moments. The refresh of cached states is not measured here, but by `rrn_tf.bench.rrn`.

    Args:
      phase: a phase that has run before.
      model, states, plan, strategy: those of the phase, with one replica.

    Returns:
      ``input``: iterating over the batches; ``lstm``: the recurrence of all networks, forward and backward;
      ``gather_scatter``: the inputs of the steps (the embedding product of ratings, or innovations, their sums and
      their embedding) and the emission with its gathers, forward and backward; ``optimizer``: applying the gradients.
    """
    sample = list(plan.shares(np.unique(np.linspace(0, len(plan) - 1, _SAMPLE).astype(int))))
    scale = sum(map(_rows, plan.shares())) / sum(map(_rows, sample))
    seconds = {"input": _input_seconds(plan, strategy)}
    for name, (part, width) in _parts(phase, model, states).items():
        function = _compiled(part, width, strategy)
        seconds[name] = scale * sum(_seconds(function, batch, width) for batch in sample)
    return seconds


def _parts(phase: Phase, model: RRN, states: StepStates) -> dict[str, tuple[_Part, int]]:
    side, encoder, tower = phase.side, model.encoder(phase.side), model.tower(phase.side)
    tables = [encoder.embedding] if model.inputs == RATINGS else []
    dense = [variable for variable in phase.network_variables if all(variable is not table for table in tables)]

    def lstm(batch: SequenceBatch, steps: tf.Tensor) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([steps, *tower.trainable_variables])
            rolled = tower(steps, mask=tf.sequence_mask(batch.length, tf.shape(steps)[1]))
        return tape.gradient(rolled, [steps, *tower.trainable_variables])

    def gather_scatter(batch: SequenceBatch, projected: tf.Tensor) -> Any:
        shape = tf.shape(projected)
        slots = shape[0] * shape[1]
        own, factors = tf.reshape(projected, [-1, projected.shape[-1]]), model.factors(side)(batch.entity)
        moving = [gathered(table, batch.distinct) for table in tables] or [encoder.kernel]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([*moving, own, factors])
            vectors = gathered(states.vectors[side.opposite], batch.opposite_row)
            own_factors = tf.gather(factors, batch.slot // shape[1])
            opposite_factors = tf.gather(model.factors(side.opposite)(batch.distinct), batch.position)
            if tables:
                embedded = encoder.embed_rows(moving[0], batch.position, batch.rating, batch.input_slot, slots)
            else:
                innovation = model.innovation(side, batch.rating, vectors, own_factors, opposite_factors)
                embedded = encoder.embed_innovations(innovation, vectors, batch.input_slot, slots)
            stationary = tf.reduce_sum(own_factors * opposite_factors, axis=-1, keepdims=True)
            predicted = model.emission.of_each_network(tf.gather(own, batch.slot), vectors) + stationary
        return tape.gradient([embedded, predicted], [*moving, own, factors])

    def optimizer(batch: SequenceBatch, _: tf.Tensor) -> Any:
        # Gradients are zero, so that weights hardly change.
        touched = [
            tf.IndexedSlices(tf.zeros([tf.shape(batch.distinct)[0], table.shape[1]]), batch.distinct, tf.shape(table))
            for table in tables
        ]
        gradients = [*touched, *(tf.zeros(variable.shape) for variable in dense)]
        phase.network_optimizer.apply_gradients(zip(gradients, [*tables, *dense], strict=True))
        (table,) = phase.factor_variables
        if table.shape[1]:
            moved = tf.zeros([tf.shape(batch.entity)[0], table.shape[1]])
            phase.factor_optimizer.apply_gradients([(tf.IndexedSlices(moved, batch.entity, tf.shape(table)), table)])
        return ()

    return {
        "lstm": (lstm, encoder.units),
        "gather_scatter": (gather_scatter, model.emission.units),
        "optimizer": (optimizer, 1),
    }


def _compiled(part: _Part, width: int, strategy: tf.distribute.Strategy) -> _Part:
    signature = [BATCH_SPEC, tf.TensorSpec([None, None, width])]
    return tf.function(lambda *given: strategy.run(part, given), input_signature=signature, autograph=False)


def _seconds(function: _Part, batch: SequenceBatch, width: int) -> float:
    given = tf.nest.map_structure(tf.constant, batch)
    values = tf.random.normal([*batch.context.shape[:2], width])
    return best_seconds(lambda: function(given, values), _REPEATS)


def _input_seconds(plan: BatchPlan, strategy: tf.distribute.Strategy) -> float:
    data = strategy.distribute_datasets_from_function(lambda context: plan.dataset())
    return best_seconds(lambda: collections.deque(data, maxlen=0), 1)


def _rows(batch: SequenceBatch) -> int:
    return int(np.prod(batch.context.shape[:2]))
