"""The table of one side in a served model: vocabulary, states, stationary and Bayesian factors."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from rrn_tf.data.wallclock import step_of, wallclock_of
from rrn_tf.features import Side
from rrn_tf.serving.cached_gates import CachedGates
from rrn_tf.serving.kept import kept_values
from rrn_tf.serving.micro_batches import distinct_rows
from rrn_tf.serving.requests import bounded
from rrn_tf.states.rating_parts import part_at_rest
from rrn_tf.states.snapshot import RRNSnapshot

_AT_A_TIME = 1_024  # entities with states that are extrapolated at once, which fit a core's cache


class StateTable(tf.Module):
    """Computes vectors of entities at a time: ``[projected state; stationary factors; Bayesian factors and biases]``.

    Args:
      side: user or item.
      served: the network with its states and metadata.
      vocabulary: file for the side's ids, one on each line; it becomes an asset of the SavedModel.
    """

    def __init__(self, side: Side, served: RRNSnapshot, vocabulary: Path) -> None:
        super().__init__(name=f"{side.value}_table")
        self._side, self._metadata = side, served.metadata
        model, ids = served.model, served.ids[side]
        self._dynamic = model.emission.units
        self.states = served.states[side]
        # The variables are tracked one by one and the Keras objects hidden in a partial: saving them would
        # trace every layer.
        # All of the network is saved, since new ratings can update a saved model.
        self.network = model.network_variables(side)
        self._extrapolate = functools.partial(self.states.extrapolate, model, side)
        self._at_rest = functools.partial(CachedGates, model, side, self.states)
        self._fit_at_rest = CachedGates.fit(model, side, self.states)
        scale = model.factor_scale
        beliefs = self.states.beliefs
        trained = np.arange(len(beliefs.mean)) < len(model.trained_beliefs(side).mean)
        beliefs = beliefs.posterior(scale.prior(side), scale.drifts(trained))
        self.stationary = tf.Variable(
            _stationary(model.factors(side).table.numpy(), len(ids)), trainable=False, name="stationary"
        )
        if side is Side.ITEM:  # needed for the items of a user's history
            self.belief_variances = tf.Variable(beliefs.variance, trainable=False, name="belief_variances")
        self.set_vectors = tf.Variable(model.set_vectors(side), trainable=False, name="set_vectors")
        self._rest = functools.partial(part_at_rest, side, scale.mean)
        self._weights = model.part_weights
        standing, moved = tf.constant(beliefs.standing), tf.constant(beliefs.moved)
        self.factors = tf.Variable(
            self._rest(self.stationary, standing, self.weights_of(moved)), trainable=False, name="factors"
        )
        if side is Side.USER:  # the weights of parts are those of users
            self.shares = tf.Variable(self.weights_of(moved)[:, 0], trainable=False, name="shares")
        self.ids = tf.Variable(np.array(["", *ids], dtype=object), trainable=False, dtype=tf.string, name="ids")
        self._index = line_numbers(vocabulary, ids)

    @property
    def width(self) -> int:
        """Number of numbers in a vector."""
        return int(self._dynamic + self.factors.shape[1])

    def index(self, entity_id: tf.Tensor) -> tf.Tensor:
        """Looks up indices int64[N] of ids string[N]; 0 for unknown ids."""
        return self._index.lookup(entity_id) + 1

    def step(self, timestamp: tf.Tensor) -> tf.Tensor:
        """Computes time steps int64[N]; times before the cutoff are raised to the cutoff."""
        step = step_of(bounded(timestamp), self._metadata.cutoff, self._metadata.granularity(self._side))
        return tf.maximum(step, 0)

    def vectors(self, entity: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Computes vectors float32[N, d]; inner products of both sides' are ratings: Eq. 7 plus the Bayesian part.

        A step that is not later than the entity's last step is raised to the one after that, so that the entity's last
        ratings have an effect at once.
        """
        step = tf.maximum(step, tf.gather(self._next_step(), entity))
        moving = self._extrapolate(entity, self.wallclock(step))
        if self._side is Side.USER:
            moving *= tf.gather(self.shares, entity)[:, tf.newaxis]
        return tf.concat([moving, tf.gather(self.factors, entity)], axis=1)

    def of_parts(self, moving: tf.Tensor, stationary: tf.Tensor, bayesian: tf.Tensor, moved: tf.Tensor) -> tf.Tensor:
        """Computes `vectors` of entities from parts that are not in the table.

        Args:
          moving: float32[N, dynamic], projected states.
          stationary: float32[N, k], stationary factors.
          bayesian: float32[N, w], Bayesian factors and, last, a bias; or of width 0.
          moved: bool[N], whether each has ratings since training.
        """
        weights = self.weights_of(moved)
        return tf.concat([weights[:, :1] * moving, self._rest(stationary, bayesian, weights)], axis=1)

    def weights_of(self, moved: tf.Tensor) -> tf.Tensor:
        """Returns the part weights float32[N, 3] of users with or without ratings since training, bool[N]."""
        return tf.gather(tf.constant(self._weights, tf.float32), tf.cast(moved, tf.int32))

    def wallclock(self, step: tf.Tensor) -> tf.Tensor:
        """Computes the scaled wallclock float32[...] of steps int64[...]."""
        return tf.cast(wallclock_of(tf.cast(step, tf.float64), self._metadata, self._side), tf.float32)

    def at_rest(self) -> CachedGates | None:
        """Builds cached gates of all entities; None if the cell is no LSTM or there are too many entities."""
        return self._at_rest(self.wallclock(self._next_step())) if self._fit_at_rest else None

    def _next_step(self) -> tf.Tensor:
        """Returns the earliest time step of each entity's next state: int64[E + 1].

        It may be the entity's last time step if steps also end by number of ratings.
        """
        return self.states.last_step + (0 if self._metadata.steps_per_doubling else 1)

    def distinct_vectors(self, entity: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """As `vectors`, for any number of entities and steps that may repeat."""
        found = distinct_rows(self.vectors, entity, step, _AT_A_TIME)
        return tf.ensure_shape(found, [None, self.width])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)] * 2, autograph=False)
    def shared_vectors(self, entity: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """As `distinct_vectors`, traced once for all signatures of a saved model."""
        return self.distinct_vectors(entity, step)


def line_numbers(file: Path, ids: Iterable[str]) -> tf.lookup.StaticHashTable:
    """Writes ids to a file, which becomes an asset, and returns a lookup of line numbers from 0, -1 for other ids."""
    file.write_text("".join(f"{name}\n" for name in ids), encoding="utf-8")
    whole, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
    initializer = tf.lookup.TextFileInitializer(str(file), tf.string, whole, tf.int64, number)
    return tf.lookup.StaticHashTable(initializer, default_value=-1)


class SeenItems(tf.Module):
    """The items that each user has rated, which recommendations leave out.

    Args:
      served: a network with the items that users have rated: before the training cutoff and since, and in validation
        and test ratings, of users and items which the network need not know.
      held_out_users: file for the ids of users with validation or test ratings, which becomes an asset.
    """

    def __init__(self, served: RRNSnapshot, held_out_users: Path) -> None:
        super().__init__(name="seen_items")
        (splits, items), (later, later_items) = served.rated_items()
        held_out = served.held_out
        known = pd.Categorical(held_out.item_ids, categories=served.ids[Side.ITEM]).codes.astype(np.int64) + 1
        self.splits, self.items, self.later_splits, self.later_items, self.later_timestamps = (
            tf.Variable(values, trainable=False, dtype=tf.int64, name=name)
            for name, values in (
                ("splits", splits),
                ("items", items),
                ("later_splits", later),
                ("later_items", later_items),
                ("later_timestamps", served.later.timestamp),
            )
        )
        # Row 0 is that of users without validation and test ratings. Its id cannot be empty, since TensorFlow reads no
        # file with an empty line, but no user's id is white space.
        self.held_out_splits, self.held_out_items, self.held_out_indices = (
            tf.Variable(values, trainable=False, dtype=tf.int64, name=name)
            for name, values in (
                ("held_out_splits", np.concatenate([[0], held_out.splits])),
                ("held_out_items", held_out.items),
                ("held_out_indices", known),
            )
        )
        names = [" ", *held_out.user_ids]
        self.held_out_users, self.held_out_item_ids = (
            tf.Variable(np.array(ids, dtype=object), trainable=False, dtype=tf.string, name=name)
            for name, ids in (("held_out_users", names), ("held_out_item_ids", [*held_out.item_ids]))
        )
        self._held_out_row = line_numbers(held_out_users, names)

    def of(self, user: tf.Tensor, user_id: tf.Tensor) -> tf.RaggedTensor:
        """Returns indices (from 1) of the items that users have rated: int64[N, (n)].

        Args:
          user: int64[N], indices of the users.
          user_id: string[N], their ids.
        """
        parts = ((self.items, self.splits), (self.later_items, self.later_splits))
        tables = (tf.RaggedTensor.from_row_splits(*part, validate=False) for part in parts)
        return tf.concat([*(tf.gather(table, user) for table in tables), self._held_out_of(user_id)], axis=1)

    def _held_out_of(self, user_id: tf.Tensor) -> tf.RaggedTensor:
        row = tf.maximum(self._held_out_row.lookup(user_id), 0)
        table = tf.RaggedTensor.from_row_splits(self.held_out_items, self.held_out_splits, validate=False)
        place = tf.gather(table, row)
        item = place.with_values(tf.gather(self.held_out_indices, place.values))
        return kept_values(item, item.values > 0)


def _stationary(table: npt.NDArray[np.float32], entities: int) -> npt.NDArray[np.float32]:
    """Pads a table of stationary factors with zeros to float32[entities + 1, k]; row 0 is zero too."""
    factors = np.zeros((entities + 1, table.shape[1]), np.float32)
    factors[1 : len(table)] = table[1:]
    return factors
