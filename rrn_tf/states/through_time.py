"""What a trained network knew of users and items at any time of its data (Sections 3.3 and 4.3)."""

from __future__ import annotations

import copy

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.data.last_rows import LastRows
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.data.wallclock import wallclock_of
from rrn_tf.factors.through_time import FollowedThroughTime, were_followed
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.models.rrn import RRN, PartWeights
from rrn_tf.states.entity_states import EntityStates
from rrn_tf.states.joint_propagation import JointPropagation
from rrn_tf.states.rating_parts import part_at_rest

Ints = npt.NDArray[np.int64]
_CHUNK = 1 << 16  # rows that are computed at once


class StatesThroughTime:
    """Computes vectors and ratings of any users and items at any times.

    At a time of the training period the network knows the ratings of each entity's steps that had ended before the
    step of that time began, as it does for a training rating at that time. After the cutoff it knows all training
    ratings, as under the frozen protocol. A pass over the training ratings keeps the state of every step; a query takes
    one more step from the last one that had ended.

    Bayesian factors that followed the training ratings follow them here once more: at a time they know the ratings of
    strictly earlier seconds. Factors that were fitted to all training ratings at once stand still: at any time they are
    those after training, which include ratings that came later, so that what moves with time is the network's part
    alone (`moving`). The parts are weighed as for users without ratings since training.

    Args:
      model: the trained network.
      sequences: its data.
      seed: of the training, for the factors before the first rating (`rrn_tf.factors.through_time`).

    Attributes:
      factors_move: whether the model has factors that followed the training ratings.

    Example:
      >>> through_time = StatesThroughTime(model, sequences)  # doctest: +SKIP
      >>> through_time.predict(np.array([1]), np.array([2]), np.array([1_700_000_000])).shape  # doctest: +SKIP
      (1,)
    """

    def __init__(self, model: RRN, sequences: RatingSequences, seed: int = 0) -> None:
        self._model, self._sequences = model, sequences
        rows = {side: sequences.side(side).training_rows for side in SIDES}
        rolled = JointPropagation(model, sequences, rows, {}, keep_states=True)
        rolled.run()
        self._last_rows = {side: LastRows(sequences.side(side), sequences.metadata) for side in SIDES}
        self._rows = {side: self._states_of_rows(side, rolled) for side in SIDES}
        self._weights = model.part_weights.resting
        beliefs = {side: model.trained_beliefs(side) for side in SIDES}
        self._standing = {side: beliefs[side].standing for side in SIDES}
        self._stationary = {side: self._stationary_factors(side) for side in SIDES}
        self.factors_move = were_followed(beliefs)
        train = sequences.interactions([Split.TRAIN])
        self._followed = FollowedThroughTime(train, beliefs, model.factor_scale, seed) if self.factors_move else None
        self._extrapolate = {side: self._make_extrapolate(side) for side in SIDES}

    def vectors(self, side: Side, entity: Ints, timestamp: Ints) -> npt.NDArray[np.float32]:
        """Computes vectors of entities at times; the inner product of a user's and an item's is their rating.

        Args:
          side: user or item.
          entity: int64[N], indices in the sequences; 0 for a newbie.
          timestamp: int64[N], unix seconds.

        Returns:
          float32[N, D], of the same width on both sides: projected state, stationary factors and Bayesian factors; a
          user's includes the weights of the parts.

        Raises:
          ValueError: for an entity that the sequences do not have.
        """
        entity, timestamp = np.asarray(entity, np.int64), np.asarray(timestamp, np.int64)
        row, step = self._last_rows[side].before(entity, timestamp), self._last_rows[side].step(timestamp)
        places, place = np.unique(step, return_inverse=True)
        distinct, which = np.unique(row * len(places) + place, return_inverse=True)
        row, place = np.divmod(distinct, max(len(places), 1))
        wallclock = wallclock_of(places[place].astype(np.float64), self._sequences.metadata, side).astype(np.float32)
        # Index 0 is the newbie, so that a row has the index after its own.
        parts = [np.zeros((0, self._model.emission.units), np.float32)]
        for begin in range(0, len(row), _CHUNK):
            part = slice(begin, begin + _CHUNK)
            parts.append(self._extrapolate[side](row[part] + 1, wallclock[part]).numpy())
        moving = np.concatenate(parts)[which]
        if side is Side.USER:
            moving *= np.float32(self._weights.network)
        return np.concatenate([moving, self._rest(side, entity, timestamp)], axis=1)

    def predict(self, user: Ints, item: Ints, timestamp: Ints) -> npt.NDArray[np.float32]:
        """Predicts ratings float32[N] of users and items at times, clipped to the range of the training ratings.

        Args:
          user, item: int64[N], indices in the sequences; 0 for newbies.
          timestamp: int64[N], unix seconds.
        """
        user, item, timestamp = (np.asarray(column, np.int64) for column in (user, item, timestamp))
        rating = np.empty(len(timestamp), np.float32)
        for begin in range(0, len(rating), _CHUNK):
            part = slice(begin, begin + _CHUNK)
            users = self.vectors(Side.USER, user[part], timestamp[part])
            rating[part] = np.einsum("nd,nd->n", users, self.vectors(Side.ITEM, item[part], timestamp[part]))
        return self.clip(rating)

    def clip(self, rating: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Clips inner products of vectors, of any shape, to the range of the training ratings."""
        return np.clip(rating, self._sequences.metadata.rating_min, self._sequences.metadata.rating_max)

    def moving(self) -> StatesThroughTime:
        """Returns the states with the parts alone that move with time: all if factors do, else the network's rating."""
        if self.factors_move:
            return self
        alone = copy.copy(self)
        alone._weights = PartWeights()  # noqa: SLF001 - of this class
        return alone

    def _states_of_rows(self, side: Side, rolled: JointPropagation) -> EntityStates:
        """Stores each row as an entity whose last row it is, with the index after the row's own."""
        data, metadata = self._sequences.side(side), self._sequences.metadata
        tower, encoder, state = self._model.tower(side), self._model.encoder(side), rolled.row_state(side)
        rows = EntityStates(data.num_rows, tower.units, len(state), encoder.sum_units, name=f"{side.value}_rows")
        for variable, values in zip(rows.state, state, strict=True):
            variable[1:].assign(values)
        rows.last_sums[1:].assign(self._sums_of_rows(side, rolled.vectors(side.opposite)))
        wallclock = wallclock_of(data.step, metadata, side).astype(np.float32)
        rows.last_context[1:].assign(np.stack([np.zeros_like(wallclock), wallclock], axis=1))
        return rows

    def _sums_of_rows(self, side: Side, opposite_vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Sums the ratings of every row, which are the inputs of the next one: float32[R, sum_units]."""
        data, metadata = self._sequences.side(side), self._sequences.metadata
        sums = np.zeros((data.num_rows, self._model.encoder(side).sum_units), np.float32)
        for begin in range(0, data.num_rows, _CHUNK):
            end = min(begin + _CHUNK, data.num_rows)
            part = slice(data.rating_splits[begin], data.rating_splits[end])
            row = data.rating_row[part]
            sums[begin:end] = self._model.input_sums(
                side,
                data.rating[part],
                metadata.entities(side).known(data.row_entity[row]).astype(np.int32),
                metadata.entities(side.opposite).known(data.opposite[part]),
                opposite_vectors[data.opposite_row[part]],
                (row - begin).astype(np.int32),
                end - begin,
            ).numpy()
        return sums

    def _stationary_factors(self, side: Side) -> npt.NDArray[np.float32]:
        """Looks up the stationary factors of all entities float32[E + 1, k], which are zero without training ratings."""
        entities = self._sequences.metadata.entities(side)
        index = entities.known(np.arange(entities.total + 1))
        return self._model.factors(side).table.numpy()[index] * (index > 0)[:, np.newaxis]

    def _rest(self, side: Side, entity: Ints, timestamp: Ints) -> npt.NDArray[np.float32]:
        """Computes all parts but the projected states: float32[N, d]."""
        index = self._sequences.metadata.entities(side).known(entity)
        if self._followed:
            standing = self._followed.standing(side, index, timestamp)
        else:
            standing = self._standing[side][index]
        weights = np.tile(np.array(self._weights, np.float32), (len(entity), 1))
        columns = map(tf.constant, (self._stationary[side][entity], standing, weights))
        return part_at_rest(side, self._model.factor_scale.mean, *columns).numpy()

    def _make_extrapolate(self, side: Side) -> tf.types.experimental.PolymorphicFunction:
        @tf.function(
            input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([None], tf.float32)], autograph=False
        )
        def extrapolate(row: tf.Tensor, wallclock: tf.Tensor) -> tf.Tensor:
            return tf.cast(self._rows[side].extrapolate(self._model, side, row, wallclock), tf.float32)

        return extrapolate
