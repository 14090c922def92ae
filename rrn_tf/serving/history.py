"""Computes the state of a user from ratings in the request, without retraining."""

from __future__ import annotations

import functools

import tensorflow as tf

from rrn_tf.data.metadata import SequenceMetadata
from rrn_tf.data.steps import level_thresholds
from rrn_tf.data.wallclock import step_of, wallclock_of
from rrn_tf.features import Side
from rrn_tf.models.rrn import INNOVATIONS, RRN
from rrn_tf.serving.history_factors import RequestHistory, factors_of_history
from rrn_tf.serving.micro_batches import in_blocks
from rrn_tf.serving.requests import bounded
from rrn_tf.serving.state_tables import StateTable

_PADDED_ROWS = 1 << 14  # time steps that are computed at once, including padding
_NEVER = tf.int64.max


class UserHistory(tf.Module):
    """Runs the user network over the steps of given ratings, from the newbie state to each query's step.

    As in streaming predictions, a query observes the ratings of the user's strictly earlier steps, by time and, if
    steps also end by number of ratings, by number. Items have their stored states, extrapolated to the time of each
    rating: neither later ratings of other users nor the given ones update them.

    Args:
      model: the network.
      users, items: both sides' tables.
      metadata: scaling of time and range of ratings.
    """

    def __init__(self, model: RRN, users: StateTable, items: StateTable, metadata: SequenceMetadata) -> None:
        super().__init__(name="user_history")
        self._users, self._items = users, items
        self._metadata = metadata
        self._range = (metadata.rating_min, metadata.rating_max)
        # Hidden in partials: saving the Keras objects would trace every layer.
        self._embedded = functools.partial(_embedded, model)
        self._projected = functools.partial(_projected, model)
        self._dynamic, self._factors = model.emission.units, model.factors(Side.ITEM).factors
        self._bayesian = model.bayesian_factors
        self._scale = model.factor_scale
        self._thresholds = level_thresholds(metadata.steps_per_doubling)
        self._levels = len(self._thresholds) + 1

    def vectors(self, user: tf.Tensor, timestamp: tf.Tensor, given: RequestHistory) -> tf.Tensor:
        """Computes the users' vectors at the queries, as `StateTable.vectors`: float32[N, d].

        Args:
          user: int64[N], users with stationary factors; 0 for unknown users.
          timestamp: int64[N], unix seconds of the queries.
          given: the users' ratings, in any order.
        """
        inputs = (user, timestamp, *given)
        rows = _PADDED_ROWS // (tf.shape(given.item)[1] + 1)
        moving, bayesian = in_blocks(self._parts, inputs, rows, [tf.float32, tf.float32])
        moving = tf.ensure_shape(moving, [None, self._dynamic])
        bayesian = tf.ensure_shape(bayesian, [None, self._bayesian + 1 if self._bayesian else 0])
        return self._users.of_parts(moving, self._stationary(user), bayesian, self._rated(timestamp, given))

    def _rated(self, timestamp: tf.Tensor, given: RequestHistory) -> tf.Tensor:
        """Returns whether each user has ratings from before the query's second: bool[N]."""
        return tf.reduce_any(_earlier(given, timestamp).real & tf.math.is_finite(given.rating), axis=1)

    def _stationary(self, user: tf.Tensor) -> tf.Tensor:
        return tf.gather(self._users.stationary, user)

    def _parts(self, user: tf.Tensor, timestamp: tf.Tensor, *columns: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes projected states float32[N, dynamic], and Bayesian factors and biases float32[N, w]."""
        given = RequestHistory(*columns)
        real = given.real & tf.math.is_finite(given.rating)
        rating = tf.clip_by_value(tf.where(real, given.rating, tf.zeros_like(given.rating)), *self._range)
        given = given._replace(rating=rating, real=real)
        moving = self._moving(user, timestamp, given)
        if not self._bayesian:
            return moving, tf.zeros([tf.size(user), 0])
        return moving, factors_of_history(
            _earlier(given, timestamp),
            tf.gather(self._items.factors, given.item)[:, :, -self._bayesian - 2 :],
            tf.gather(self._items.belief_variances, given.item),
            self._set_vectors(given.item),
            self._scale,
        )

    def _set_vectors(self, item: tf.Tensor) -> tf.Tensor:
        """Looks up the items' set vectors float32[N, H, w], 0 for items that were new after training."""
        table = self._users.set_vectors
        return tf.gather(table, tf.where(item < tf.shape(table, tf.int64)[0], item, tf.zeros_like(item)))

    def _moving(self, user: tf.Tensor, timestamp: tf.Tensor, given: RequestHistory) -> tf.Tensor:
        item, rating, rated_at, real = given
        asked, key = self._keys(timestamp, rated_at, real)
        real &= key < asked[:, tf.newaxis]
        key = tf.where(real, key, _NEVER)
        order = tf.argsort(key, axis=1, stable=True)
        key, item, rating, rated_at, real = (
            tf.gather(column, order, axis=1, batch_dims=1) for column in (key, item, rating, rated_at, real)
        )
        # A row is a step with ratings; the query's own step is after the last of them.
        begins = real & tf.concat([tf.ones_like(real[:, :1]), key[:, 1:] != key[:, :-1]], axis=1)
        row = tf.cumsum(tf.cast(begins, tf.int32), axis=1) - 1
        count = tf.reduce_sum(tf.cast(begins, tf.int32), axis=1)
        width = tf.reduce_max(tf.concat([[0], count], axis=0)) + 1
        query = tf.range(tf.size(count))
        # Places of the chosen cells, once for all columns: `tf.boolean_mask` takes thirty operations for each.
        begin, rated = tf.where(begins), tf.where(real)
        steps = tf.scatter_nd(
            tf.concat([_cells(begin, row), tf.stack([query, count], axis=1)], axis=0),
            tf.concat([tf.gather_nd(key, begin), asked], axis=0) // self._levels,
            tf.stack([tf.size(count), width]),
        )

        owner = tf.cast(rated[:, 0], tf.int32)
        # The ratings of a step are inputs of the next one (Eq. 5).
        slot = owner * width + tf.gather_nd(row, rated) + 1
        item = tf.gather_nd(item, rated)
        vector = self._items.shared_vectors(item, self._items.step(tf.gather_nd(rated_at, rated)))
        own = self._stationary(tf.gather(user, owner))
        moving, factors, _ = tf.split(vector, [self._dynamic, self._factors, -1], axis=1)
        rating = tf.gather_nd(rating, rated)
        embedded = self._embedded(own, item, factors, moving, rating, slot, tf.size(count) * width)
        projected = self._projected(embedded, self._context(steps), count + 1)
        return tf.gather(projected, query * width + count)

    def _context(self, steps: tf.Tensor) -> tf.Tensor:
        """Builds `rrn_tf.layers.StepContext`, float32[N, T, 3], for new users with ratings at steps int64[N, T]."""
        wallclock = tf.cast(wallclock_of(tf.cast(steps, tf.float64), self._metadata, Side.USER), tf.float32)
        first = tf.zeros_like(wallclock[:, :1])
        previous = tf.concat([first, wallclock[:, :-1]], axis=1)
        newbie = tf.concat([first + 1, tf.zeros_like(previous[:, 1:])], axis=1)
        return tf.stack([newbie, wallclock, previous], axis=2)

    def _keys(self, timestamp: tf.Tensor, rated_at: tf.Tensor, real: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes step keys of queries int64[N] and of ratings int64[N, H].

        A key is the time step times the number of levels, plus the level; a query's key is that of a rating at its time
        (see `rrn_tf.data.steps`).
        """
        asked, step = self._step(timestamp), self._step(rated_at)
        if self._levels == 1:
            return asked, step
        time = tf.concat([tf.where(real, bounded(rated_at), _NEVER), bounded(timestamp)[:, tf.newaxis]], axis=1)
        earlier = tf.searchsorted(tf.sort(time, axis=1), time)
        # tf.searchsorted fails for tensors without elements.
        level = tf.raw_ops.UpperBound(
            sorted_inputs=self._thresholds[tf.newaxis],
            values=tf.reshape(tf.cast(earlier, tf.int64), [1, -1]),
            out_type=tf.int64,
        )
        level = tf.reshape(level, tf.shape(time))
        return asked * self._levels + level[:, -1], step * self._levels + level[:, :-1]

    def _step(self, timestamp: tf.Tensor) -> tf.Tensor:
        return step_of(bounded(timestamp), self._metadata.cutoff, self._metadata.granularity(Side.USER))


def _earlier(given: RequestHistory, timestamp: tf.Tensor) -> RequestHistory:
    """Marks ratings that are not from before each query's second int64[N] as not real, and bounds all times."""
    rated_at = bounded(given.timestamp)
    return given._replace(timestamp=rated_at, real=given.real & (rated_at < bounded(timestamp)[:, tf.newaxis]))


def _cells(place: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
    """Returns rows and values of `column`, int32[M, 2], of the elements of [N, H] at places int64[M, 2]."""
    return tf.stack([tf.cast(place[:, 0], tf.int32), tf.gather_nd(column, place)], axis=1)


def _embedded(
    model: RRN,
    own: tf.Tensor,
    item: tf.Tensor,
    factors: tf.Tensor,
    moving: tf.Tensor,
    rating: tf.Tensor,
    slot: tf.Tensor,
    num_slots: tf.Tensor,
) -> tf.Tensor:
    """Embeds ratings of M items and sums them by slot, the step that they enter: float32[num_slots, embedding]."""
    encoder = model.encoder(Side.USER)
    if model.inputs != INNOVATIONS:
        # Items that were new after training have a state, but no embedding.
        return encoder.embed_ratings(tf.where(item <= encoder.num_opposite, item, 0), rating, slot, num_slots)
    innovation = model.innovation(Side.USER, rating, moving, own, factors)
    return encoder.embed_innovations(innovation, moving, slot, num_slots)


def _projected(model: RRN, embedded: tf.Tensor, context: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Computes projected states float32[N * T, dynamic] of N users with `length` real steps each."""
    states = model.states(Side.USER, embedded, context, length)
    return model.projection(Side.USER)(tf.reshape(states, [-1, states.shape[-1]]))
