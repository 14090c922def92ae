"""Both sides rolled together in order of time, for inputs that depend on the other side's states."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.data.arrays import concatenated_ranges
from rrn_tf.data.sequences import RatingSequences, SideSequences
from rrn_tf.data.wallclock import wallclock_of
from rrn_tf.features import SIDES, Side
from rrn_tf.models.entity_states import EntityStates
from rrn_tf.models.rrn import RRN


class _Levels(NamedTuple):
    """A side's A rows by the time they start, with the N ratings that enter them; L points in time.

    Attributes:
      row: int64[A], global row.
      entity: int64[A].
      context: float32[A, 3], as of `rrn_tf.layers.StepContext`.
      row_splits: int64[L + 1], where each point's rows begin and end.
      rating: float32[N].
      own, opposite: int32[N], both entities; 0 where they have no training ratings.
      opposite_row: int64[N], the opposite side's row that predicted the rating.
      slot: int32[N], which of the point's rows the rating enters.
      rating_splits: int64[L + 1].
    """

    row: Any
    entity: Any
    context: Any
    row_splits: Any
    rating: Any
    own: Any
    opposite: Any
    opposite_row: Any
    slot: Any
    rating_splits: Any


class JointRoll:
    """Rolls user and item states through time.

    A row's input are the ratings of its entity's row before, each beside the opposite state that predicted it. That
    state's row began at or before the rating, and the rating came before the row began: so all rows that begin at one
    point in time need only rows that began earlier, and are taken at once.

    Args:
      model: the network; its inputs are innovations.
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
        parts = {side: _active_rows(sequences, side, rows[side]) for side in SIDES}
        times = np.unique(np.concatenate([part[1] for part in parts.values()]))
        self._points = len(times)
        self._levels = [_Levels(*map(tf.constant, _levels(sequences, side, *parts[side], times))) for side in SIDES]
        self._vectors: dict[Side, tf.Variable] = {}
        self._state: dict[Side, list[tf.Variable]] = {}
        self._num_rows = {side: sequences.side(side).num_rows for side in SIDES}
        self._entities = {side: sequences.metadata.entities(side).total + 1 for side in SIDES}
        self._run = tf.function(self._roll, autograph=False)

    def run(self) -> None:
        """Recomputes all rows with the model's present weights."""
        for side in SIDES:
            units, parts = self._model.tower(side).units, self._model.tower(side).initial_state(1)
            state = self._start[side].state if self._start else [tf.zeros([self._entities[side], units])] * len(parts)
            if side in self._state:
                for variable, value in zip(self._state[side], state, strict=True):
                    variable.assign(value)
                continue
            # Plain variables, whatever the strategy: a mirrored one cannot be updated row by row outside a replica.
            self._state[side] = [tf.Variable(tf.convert_to_tensor(value), trainable=False) for value in state]
            zeros = tf.zeros([self._num_rows[side], self._model.emission.units])
            self._vectors[side] = tf.Variable(zeros, trainable=False)
        self._run(*self._levels)

    def vectors(self, side: Side) -> npt.NDArray[np.float32]:
        """float32[R, dynamic], projected states; zero where a row is not rolled."""
        return self._vectors[side].numpy()

    def state(self, side: Side) -> list[npt.NDArray[np.float32]]:
        """float32[E + 1, units] each: the recurrent state after every entity's last rolled row."""
        return [part.numpy() for part in self._state[side]]

    def _roll(self, *levels: _Levels) -> None:
        def advance(point: tf.Tensor) -> tf.Tensor:
            for side, own in zip(SIDES, levels, strict=True):
                self._advance(side, own, point)
            return point + 1

        tf.while_loop(lambda point: point < self._points, advance, [0], parallel_iterations=1)

    def _advance(self, side: Side, levels: _Levels, point: tf.Tensor) -> None:
        model, encoder = self._model, self._model.encoder(side)
        begin, end = levels.row_splits[point], levels.row_splits[point + 1]
        row, entity, context = (column[begin:end] for column in (levels.row, levels.entity, levels.context))
        first, last = levels.rating_splits[point], levels.rating_splits[point + 1]
        own, opposite, rating = (column[first:last] for column in (levels.own, levels.opposite, levels.rating))
        vector = tf.gather(self._vectors[side.opposite], levels.opposite_row[first:last])
        factors = model.factors(side)(own), model.factors(side.opposite)(opposite)
        innovation = model.innovation(side, rating, vector, *factors)
        inputs = encoder.embed_innovations(innovation, vector, levels.slot[first:last], end - begin)
        if self._start:
            seen = tf.gather(self._start[side].last_context, entity)
            begins = context[:, :1] > 0
            inputs += tf.where(begins, tf.gather(self._start[side].last_ratings, entity), 0)
            context = tf.where(begins, tf.stack([seen[:, 0], context[:, 1], seen[:, 1]], axis=1), context)
        output, state = model.tower(side).step(
            inputs + encoder.embed_context(context), [tf.gather(part, entity) for part in self._state[side]]
        )
        for variable, values in zip(self._state[side], state, strict=True):
            variable.scatter_update(tf.IndexedSlices(values, entity))
        self._vectors[side].scatter_update(tf.IndexedSlices(model.projection(side)(output), row))


def _active_rows(
    sequences: RatingSequences, side: Side, rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rolled rows in order of the time they start, and that time in seconds from the cutoff."""
    data = sequences.side(side)
    active = np.flatnonzero(_place(data) < rows[data.row_entity])
    start = data.step[active] * sequences.metadata.granularity(side)
    order = np.argsort(start, kind="stable")
    return active[order], start[order]


def _place(data: SideSequences) -> npt.NDArray[np.int64]:
    return np.arange(data.num_rows) - data.row_splits[data.row_entity]


def _levels(
    sequences: RatingSequences,
    side: Side,
    row: npt.NDArray[np.int64],
    start: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
) -> _Levels:
    data, trained = sequences.side(side), sequences.metadata
    newbie = _place(data)[row] == 0
    wallclock = wallclock_of(data.step, sequences.metadata, side).astype(np.float32)
    context = np.stack([newbie, wallclock[row], np.where(newbie, 0, wallclock[row - 1])], axis=1).astype(np.float32)
    row_splits = np.append(np.searchsorted(start, times), len(row))
    counts = np.where(newbie, 0, np.diff(data.rating_splits)[row - 1])
    ratings = concatenated_ranges(data.rating_splits[row - 1], counts)
    position = np.arange(len(row)) - np.repeat(row_splits[:-1], np.diff(row_splits))
    entity = data.row_entity[row]
    own, opposite = np.repeat(entity, counts), data.opposite[ratings]
    return _Levels(
        row=row,
        entity=entity,
        context=context,
        row_splits=row_splits,
        rating=data.rating[ratings],
        own=np.where(own <= trained.entities(side).trained, own, 0).astype(np.int32),
        opposite=np.where(opposite <= trained.entities(side.opposite).trained, opposite, 0).astype(np.int32),
        opposite_row=data.opposite_row[ratings],
        slot=np.repeat(position, counts).astype(np.int32),
        rating_splits=np.concatenate([[0], np.cumsum(counts)])[row_splits],
    )
