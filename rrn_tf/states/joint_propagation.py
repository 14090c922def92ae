"""Both sides rolled together: inputs may depend on the other side's states, and sequences go on from earlier ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.data.sequences import RatingSequences
from rrn_tf.data.topological_order import dependency_levels, rows_by_level
from rrn_tf.data.wallclock import wallclock_of
from rrn_tf.features import SIDES, Side
from rrn_tf.models.rrn import RRN
from rrn_tf.states.entity_states import EntityStates


class _Levels(NamedTuple):
    """A side's A rows by their level, with the N ratings that enter them; L levels.

    Attributes:
      row: int64[A], global row.
      entity: int64[A].
      context: float32[A, 3], as of `rrn_tf.layers.StepContext`.
      goes_on: float32[A, 1], 1 where the row is fed what the ratings before the sequences left for it.
      row_splits: int64[L + 1], where each level's rows begin and end.
      rating: float32[N].
      own, opposite: int32[N], both entities; 0 where they have no training ratings.
      opposite_row: int64[N], the opposite side's row that predicted the rating.
      slot: int32[N], which of the level's rows the rating enters.
      rating_splits: int64[L + 1].
    """

    row: Any
    entity: Any
    context: Any
    goes_on: Any
    row_splits: Any
    rating: Any
    own: Any
    opposite: Any
    opposite_row: Any
    slot: Any
    rating_splits: Any


class JointPropagation:
    """Rolls user and item states through time.

    A row's input are the ratings of its entity's row before, each beside the opposite state that predicted it. That
    state's row began at or before the rating, and the rating came before the row began: so a row needs only rows that
    began earlier, and all rows of one level (see `rrn_tf.data.topological_order`) are taken at once.

    Sequences that go on from earlier states may begin in an entity's open step. Its state is there already: that row
    is not rolled, and its ratings join those which the open step has had.

    Args:
      model: the network.
      sequences: the data.
      rows: per side, int64[E + 1]: how many of each entity's rows are rolled, from its first.
      start: per side, states that the sequences go on from; empty for newbies.
    """

    def __init__(
        self,
        model: RRN,
        sequences: RatingSequences,
        rows: dict[Side, npt.NDArray[np.int64]],
        start: dict[Side, EntityStates],
    ) -> None:
        self._model = model
        self._start = start
        self._continued = {side: np.flatnonzero(continued_rows(sequences, side, start.get(side))) for side in SIDES}
        rolled = {}
        for side in SIDES:
            data = sequences.side(side)
            rolled[side] = data.place < rows[side][data.row_entity]
            rolled[side][self._continued[side]] = False
        level = dependency_levels(sequences, rolled)
        self._count = 1 + max(int(level[side].max(initial=-1)) for side in SIDES)
        self._levels = [
            _Levels(*map(tf.constant, _levels(sequences, side, level[side], self._count, start.get(side))))
            for side in SIDES
        ]
        self._row_entity = {side: sequences.side(side).row_entity for side in SIDES}
        self._vectors: dict[Side, tf.Variable] = {}
        self._state: dict[Side, list[tf.Variable]] = {}
        self._num_rows = {side: sequences.side(side).num_rows for side in SIDES}
        self._entities = {side: sequences.metadata.entities(side).total + 1 for side in SIDES}
        self._run: Callable[..., None] | None = None

    def run(self) -> None:
        """Recomputes all rows with the model's present weights."""
        for side in SIDES:
            units, parts = self._model.tower(side).units, self._model.tower(side).initial_state(1)
            state = self._start[side].state if self._start else [tf.zeros([self._entities[side], units])] * len(parts)
            if side in self._state:
                for variable, value in zip(self._state[side], state, strict=True):
                    variable.assign(value)
            else:
                # Plain variables, whatever the strategy: a mirrored one cannot be updated row by row outside a replica.
                self._state[side] = [tf.Variable(tf.convert_to_tensor(value), trainable=False) for value in state]
                zeros = tf.zeros([self._num_rows[side], self._model.emission.units])
                self._vectors[side] = tf.Variable(zeros, trainable=False)
            if len(rows := self._continued[side]):
                output = tf.gather(state[0], self._row_entity[side][rows])
                vectors = tf.cast(self._model.projection(side)(output), tf.float32)
                self._vectors[side].scatter_update(tf.IndexedSlices(vectors, rows))
        if self._run is None:
            # One trace an instance, whose shapes it has: TensorFlow need not warn of tracing often.
            self._run = tf.function(self._roll, autograph=False).get_concrete_function(*self._levels)
        self._run(*self._levels)

    def vectors(self, side: Side) -> npt.NDArray[np.float32]:
        """float32[R, dynamic], projected states; zero where a row is not rolled."""
        return self._vectors[side].numpy()

    def state(self, side: Side) -> list[npt.NDArray[np.float32]]:
        """float32[E + 1, units] each: the recurrent state after every entity's last rolled row."""
        return [part.numpy() for part in self._state[side]]

    def _roll(self, *levels: _Levels) -> None:
        def advance(level: tf.Tensor) -> tf.Tensor:
            for side, own in zip(SIDES, levels, strict=True):
                self._advance(side, own, level)
            return level + 1

        tf.while_loop(lambda level: level < self._count, advance, [0], parallel_iterations=1)

    def _advance(self, side: Side, levels: _Levels, level: tf.Tensor) -> None:
        model, encoder, start = self._model, self._model.encoder(side), self._start.get(side)
        begin, end = levels.row_splits[level], levels.row_splits[level + 1]
        row, entity, context = (column[begin:end] for column in (levels.row, levels.entity, levels.context))
        first, last = levels.rating_splits[level], levels.rating_splits[level + 1]
        own, opposite, rating = (column[first:last] for column in (levels.own, levels.opposite, levels.rating))
        vector = tf.gather(self._vectors[side.opposite], levels.opposite_row[first:last])
        sums = model.input_sums(side, rating, own, opposite, vector, levels.slot[first:last], end - begin)
        if start:
            sums += tf.cast(levels.goes_on[begin:end] * tf.gather(start.last_sums, entity), sums.dtype)
        output, state = model.tower(side).step(
            encoder.embed_sums(sums) + encoder.embed_context(context),
            [tf.gather(part, entity) for part in self._state[side]],
        )
        for variable, values in zip(self._state[side], state, strict=True):
            variable.scatter_update(tf.IndexedSlices(values, entity))
        self._vectors[side].scatter_update(tf.IndexedSlices(model.projection(side)(output), row))


def continued_rows(sequences: RatingSequences, side: Side, start: EntityStates | None) -> npt.NDArray[np.bool_]:
    """bool[R]: the rows of a side that are their entities' open steps."""
    data = sequences.side(side)
    found = np.zeros(data.num_rows, bool)
    if start is not None:
        first = np.flatnonzero(data.place == 0)
        begin, count = data.timestamp[data.rating_splits[first]], sequences.metadata.steps_per_doubling
        found[first] = start.pending_steps.continued(data.row_entity[first], data.step[first], begin, count)
    return found


def _levels(
    sequences: RatingSequences, side: Side, level: npt.NDArray[np.int64], count: int, start: EntityStates | None
) -> _Levels:
    data, trained = sequences.side(side), sequences.metadata
    by_level = rows_by_level(data, level, count)
    row, ratings = by_level.row, by_level.rating
    entity, first = data.row_entity[row], data.place[row] == 0
    wallclock = wallclock_of(data.step, sequences.metadata, side).astype(np.float32)
    # Newbie flag and wallclock of the row before: of the first one, what the earlier states say.
    newbie, previous = start.last_context.numpy()[entity].T if start else (np.ones(len(row)), np.zeros(len(row)))
    columns = [first * newbie, wallclock[row], np.where(first, previous, wallclock[row - 1])]
    goes_on = first | continued_rows(sequences, side, start)[row - 1]
    own, opposite = data.row_entity[data.rating_row[ratings]], data.opposite[ratings]
    return _Levels(
        row=row,
        entity=entity,
        context=np.stack(columns, axis=1).astype(np.float32),
        goes_on=goes_on[:, np.newaxis].astype(np.float32),
        row_splits=by_level.row_splits,
        rating=data.rating[ratings],
        own=np.where(own <= trained.entities(side).trained, own, 0).astype(np.int32),
        opposite=np.where(opposite <= trained.entities(side.opposite).trained, opposite, 0).astype(np.int32),
        opposite_row=data.opposite_row[ratings],
        slot=by_level.slot.astype(np.int32),
        rating_splits=by_level.rating_splits,
    )
