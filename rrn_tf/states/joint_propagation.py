"""Propagates the states of both sides together, since inputs depend on opposite states or sequences are continued."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.data.arrays import concatenated_ranges
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.data.topological_order import dependency_levels, rows_by_level
from rrn_tf.data.wallclock import step_contexts
from rrn_tf.features import SIDES, Side
from rrn_tf.models.rrn import RRN
from rrn_tf.states.entity_states import EntityStates


class _Levels(NamedTuple):
    """A side's A steps in order of level, with their N input ratings; L levels.

    Attributes:
      row: int64[A], index of the step among all steps of the side.
      entity: int64[A].
      context: float32[A, 3], inputs of `rrn_tf.layers.StepContext`.
      continues: float32[A, 1], 1 where the input sums of earlier ratings, left in `EntityStates`, are added.
      row_splits: int64[L + 1], where each level's steps begin and end.
      computed: int64[L], how many steps are computed for each level: its own, and some that follow, whose results are
        dropped. TensorFlow prepares a matrix product anew for each number of rows, which takes longer than the product;
        so there are few different numbers. They are multiples of 16, so that no number is left over by vector
        instructions, beside which TensorFlow's sigmoid, exponential and logarithm are rounded otherwise.
      rating: float32[N].
      own, opposite: int32[N], the entities of each rating; 0 for those without training ratings.
      opposite_row: int64[N], index of the opposite side's step that predicts the rating.
      slot: int32[N], index, within the level, of the step to which the rating is an input.
      rating_splits: int64[L + 1], where the ratings of each level begin and end.
    """

    row: Any
    entity: Any
    context: Any
    continues: Any
    row_splits: Any
    computed: Any
    rating: Any
    own: Any
    opposite: Any
    opposite_row: Any
    slot: Any
    rating_splits: Any


class JointPropagation:
    """Computes user and item states through time.

    The inputs of a step are the ratings of its entity's preceding step, each with the opposite state that predicts it.
    That state's step began at or before the rating, and the rating precedes the step: so a step depends on earlier
    steps alone, and all steps of one level (see `rrn_tf.data.topological_order`) are computed at once.

    Sequences that continue earlier states may begin within an entity's pending step. Its state exists already: that
    step is not computed again, and its ratings are added to the pending ones.

    Args:
      model: the network.
      sequences: the data.
      rows: per side, int64[E + 1]: how many of each entity's steps are computed, from its first.
      start: per side, states that the sequences continue; empty for newbies.
      begun: a propagation of the same entities' first steps, as of training ratings alone, which are not computed
        again; it must have been run with the same weights before. Its steps have no `row_state` here.
      keep_states: whether the recurrent state of every step is kept (`row_state`), not only each entity's last one.
    """

    def __init__(
        self,
        model: RRN,
        sequences: RatingSequences,
        rows: dict[Side, npt.NDArray[np.int64]],
        start: dict[Side, EntityStates],
        *,
        begun: JointPropagation | None = None,
        keep_states: bool = False,
    ) -> None:
        self._model = model
        self._start = start
        self._begun = begun
        self._rows = rows
        self._row_splits = {side: sequences.side(side).row_splits for side in SIDES}
        self._continued = {side: np.flatnonzero(continued_rows(sequences, side, start.get(side))) for side in SIDES}
        rolled = {}
        for side in SIDES:
            data = sequences.side(side)
            rolled[side] = data.place < rows[side][data.row_entity]
            rolled[side][self._continued[side]] = False
            if begun:
                rolled[side] &= data.place >= begun._rows[side][data.row_entity]
        level = dependency_levels(sequences, rolled)
        self._count = 1 + max(int(level[side].max(initial=-1)) for side in SIDES)
        self._levels = [
            _Levels(*map(tf.constant, _levels(sequences, side, level[side], self._count, start.get(side))))
            for side in SIDES
        ]
        self._row_entity = {side: sequences.side(side).row_entity for side in SIDES}
        self._vectors: dict[Side, tf.Variable] = {}
        self._state: dict[Side, list[tf.Variable]] = {}
        self._keep_states = keep_states
        self._row_state: dict[Side, list[tf.Variable]] = {side: [] for side in SIDES}
        self._num_rows = {side: sequences.side(side).num_rows for side in SIDES}
        self._entities = {side: sequences.metadata.entities(side).total + 1 for side in SIDES}
        self._run: Callable[..., None] | None = None

    def run(self) -> None:
        """Computes all steps with the model's present weights."""
        for side in SIDES:
            units, parts = self._model.tower(side).units, self._model.tower(side).initial_state(1)
            state = self._start[side].state if self._start else [tf.zeros([self._entities[side], units])] * len(parts)
            if self._begun:
                state = self._begun._state[side]
            if side in self._state:
                for variable, value in zip(self._state[side], state, strict=True):
                    variable.assign(value)
            else:
                # Plain variables, whatever the strategy: outside a replica rows of a mirrored one cannot be updated.
                self._state[side] = [tf.Variable(tf.convert_to_tensor(value), trainable=False) for value in state]
                zeros = tf.zeros([self._num_rows[side], self._model.emission.units])
                self._vectors[side] = tf.Variable(zeros, trainable=False)
                if self._keep_states:
                    nothing = tf.zeros([self._num_rows[side], units])
                    self._row_state[side] = [tf.Variable(nothing, trainable=False) for _ in parts]
            if self._begun:
                begun, count = self._begun, self._begun._rows[side]
                theirs, own = (concatenated_ranges(of._row_splits[side][:-1], count) for of in (begun, self))
                vectors = tf.gather(begun._vectors[side], theirs)
                self._vectors[side].scatter_update(tf.IndexedSlices(vectors, own))
            if len(rows := self._continued[side]):
                # As within a level: a product of a single row may be rounded otherwise, and so may what is not within
                # a function, of which TensorFlow makes products of divisions.
                padded = np.resize(rows, _few_sizes(np.array(len(rows))))
                output = tf.gather(state[0], self._row_entity[side][padded])
                project = tf.function(self._model.projection(side), autograph=False)
                vectors = tf.cast(project(output), tf.float32)[: len(rows)]
                self._vectors[side].scatter_update(tf.IndexedSlices(vectors, rows))
        if self._run is None:
            # A trace per instance, since shapes differ: a concrete function avoids TensorFlow's retracing warning.
            self._run = tf.function(self._roll, autograph=False).get_concrete_function(*self._levels)
        self._run(*self._levels)

    def vectors(self, side: Side) -> npt.NDArray[np.float32]:
        """Returns float32[R, dynamic], projected states; zero where a step is not computed."""
        return self._vectors[side].numpy()

    def state(self, side: Side) -> list[npt.NDArray[np.float32]]:
        """Returns float32[E + 1, units] each: the recurrent state after every entity's last computed step."""
        return [part.numpy() for part in self._state[side]]

    def row_state(self, side: Side) -> list[npt.NDArray[np.float32]]:
        """Returns float32[R, units] each: the recurrent state at every step, with `keep_states`; else no arrays."""
        return [part.numpy() for part in self._row_state[side]]

    def _roll(self, *levels: _Levels) -> None:
        def advance(level: tf.Tensor) -> tf.Tensor:
            for side, own in zip(SIDES, levels, strict=True):
                self._advance(side, own, level)
            return level + 1

        tf.while_loop(lambda level: level < self._count, advance, [0], parallel_iterations=1)

    def _advance(self, side: Side, levels: _Levels, level: tf.Tensor) -> None:
        model, encoder, start = self._model, self._model.encoder(side), self._start.get(side)
        begin, end, count = levels.row_splits[level], levels.row_splits[level + 1], levels.computed[level]
        entity, context, continues = (
            column[begin : begin + count] for column in (levels.entity, levels.context, levels.continues)
        )
        first, last = levels.rating_splits[level], levels.rating_splits[level + 1]
        own, opposite, rating = (column[first:last] for column in (levels.own, levels.opposite, levels.rating))
        vector = tf.gather(self._vectors[side.opposite], levels.opposite_row[first:last])
        before = continues * tf.gather(start.last_sums, entity) if start else None
        sums = model.input_sums(side, rating, own, opposite, vector, levels.slot[first:last], count, before)
        output, state = model.tower(side).step(
            encoder.embed_sums(sums) + encoder.embed_context(context),
            [tf.gather(part, entity) for part in self._state[side]],
        )
        own_steps, row = slice(0, end - begin), levels.row[begin:end]
        for variable, values in zip(self._state[side], state, strict=True):
            variable.scatter_update(tf.IndexedSlices(values[own_steps], entity[own_steps]))
        for variable, values in zip(self._row_state[side], state, strict=False):
            variable.scatter_update(tf.IndexedSlices(values[own_steps], row))
        self._vectors[side].scatter_update(tf.IndexedSlices(model.projection(side)(output)[own_steps], row))


def continued_rows(sequences: RatingSequences, side: Side, start: EntityStates | None) -> npt.NDArray[np.bool_]:
    """Returns bool[R]: which steps of a side continue their entities' pending steps."""
    data = sequences.side(side)
    found = np.zeros(data.num_rows, bool)
    if start is not None:
        first = np.flatnonzero(data.place == 0)
        begin, count = data.times(data.rating_splits[first]), sequences.metadata.steps_per_doubling
        found[first] = start.pending_steps.continued(data.row_entity[first], data.step[first], begin, count)
    return found


def _levels(
    sequences: RatingSequences, side: Side, level: npt.NDArray[np.int64], count: int, start: EntityStates | None
) -> _Levels:
    data, trained = sequences.side(side), sequences.metadata
    by_level = rows_by_level(data, level, count)
    row, ratings = by_level.row, by_level.rating
    computed = _few_sizes(np.diff(by_level.row_splits))
    # The last levels compute beyond the last step.
    more = int((by_level.row_splits[:-1] + computed).max(initial=0)) - len(row)
    row = np.concatenate([row, np.zeros(max(more, 0), row.dtype)])
    entity, first = data.row_entity[row], data.place[row] == 0
    before = start.last_context.numpy()[entity] if start else None
    continues = first | continued_rows(sequences, side, start)[row - 1]
    own, opposite = data.row_entity[data.rating_row[ratings]], data.opposite[ratings]
    return _Levels(
        row=row,
        entity=entity,
        context=step_contexts(data, trained, before, row),
        continues=continues[:, np.newaxis].astype(np.float32),
        row_splits=by_level.row_splits,
        computed=computed,
        rating=data.rating[ratings],
        own=trained.entities(side).known(own).astype(np.int32),
        opposite=trained.entities(side.opposite).known(opposite).astype(np.int32),
        opposite_row=data.opposite_row[ratings],
        slot=by_level.slot.astype(np.int32),
        rating_splits=by_level.rating_splits,
    )


def _few_sizes(sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Rounds sizes up to multiples of 16 up to 64, and beyond that to 5, 6, 7 or 8 quarters of a power of two."""
    quarter = 2.0 ** np.floor(np.log2(np.maximum(sizes, 64))) / 4
    return (np.ceil(sizes / quarter) * quarter).astype(np.int64)
