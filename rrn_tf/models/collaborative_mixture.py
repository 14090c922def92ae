"""A mixture for the next item: a recurrent network's softmax, the user's own past items, and counts of other users."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras

from rrn_tf.collaborative_config import PARTS
from rrn_tf.layers import CollaborativeGRUCell, HistoryAttention, HistoryCopy, MixtureGate, StationaryFactors
from rrn_tf.layers.candidates import Candidates
from rrn_tf.layers.collaborative import SHARED
from rrn_tf.layers.history_copy import OF_PARTS
from rrn_tf.layers.mixture_gate import ABSENT
from rrn_tf.layers.softmax_tiles import kept_log_likelihood, tiled_log_likelihood

# Distributions counted from other users' events, in the order of `rrn_tf.data.shared_counts.DISTRIBUTIONS`.
_OF_OTHERS = ("following", "popularity", "uniform", "meeting")


class StepContext(NamedTuple):
    """Everything but the states from which the next T events of B users are predicted.

    Attributes:
      item: int32[B, window + 1 + T], items of the `window + 1` events before the first one and of the T events.
      time: int64[B, window + 1 + T], their times in unix seconds; both 0 where there is no event.
      features: float32[B, T, f], features of the T events (`rrn_tf.data.event_context`).
      shared: float32[B, T, s], log-probabilities of the T items by counts of other users' events.
    """

    item: Any
    time: Any
    features: Any
    shared: Any


@keras.saving.register_keras_serializable("rrn_tf")
class CollaborativeMixture(keras.Model):
    """A mixture of a recurrent network's softmax, the user's own past items, and counts of other users.

    The network is a GRU whose recurrent matrices are shared by all users, each user's own, or in between. Its state is
    added to the output of `HistoryAttention`, which summarises what followed events similar to the latest one. Each
    item has one vector, used both as input embedding and in the softmax; the softmax sees the user's factors too. Each
    head of `HistoryCopy` gives a further distribution, and the counts of other users the rest
    (`rrn_tf.data.shared_counts`). `MixtureGate` computes the mixture weights from features and state.

    Args:
      num_users, num_items: users and items with training events; indices run from 1, and 0 is padding.
      features, shared: number of features of an event, and of distributions counted from other users.
      units: width of states and item vectors.
      factors: number of factors of each user.
      matrices, rank: form of the recurrent matrices (see `CollaborativeGRUCell`).
      heads, window, clock: see `HistoryCopy`.
      attention: number of heads of `HistoryAttention`; 0 for none.
      without: parts that are left out (`rrn_tf.collaborative_config.PARTS`).

    Call arguments as one tuple:
      user: int[B].
      item: int[B, T], items in order of time, padded on the right.
      target: int[B, T], the item after each; 0 where no log-likelihood is wanted.
      context: `StepContext` of the targets.

    Returns:
      float[B, T], the log-likelihood of each target in nats; 0 where the target is 0.
    """

    def __init__(
        self,
        num_users: int,
        num_items: int,
        features: int,
        shared: int,
        units: int = 96,
        factors: int = 32,
        matrices: str = SHARED,
        rank: int = 4,
        heads: int = 5,
        window: int = 384,
        clock: bool = True,
        attention: int = 0,
        without: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if unknown := [part for part in without if part not in PARTS]:
            raise ValueError(f"without should list some of {', '.join(PARTS)}, received {unknown[0]!r}")
        settings: dict[str, Any] = {
            "num_users": num_users,
            "num_items": num_items,
            "features": features,
            "shared": shared,
            "units": units,
            "factors": factors,
            "matrices": matrices,
            "rank": rank,
            "heads": heads,
            "window": window,
            "clock": clock,
            "attention": attention,
            "without": tuple(without),
        }
        # Read-only, and so a plain mapping: TensorFlow would wrap a dict in one that is not JSON.
        self.settings = MappingProxyType(settings)
        self.num_items = num_items
        self.window = window
        # The cell needs no embeddings of its own: the inputs are computed from the items' vectors.
        self.cell = CollaborativeGRUCell(num_users, 0, units, "tanh", matrices, rank, name="cell")
        self.stationary = StationaryFactors(num_users, factors, name="stationary")
        of_kernels = [part for part in OF_PARTS if part in without]
        self.copy = HistoryCopy(heads, window, clock, of_kernels, name="copy")
        names = ("network", *["copy"] * heads, *_OF_OTHERS[:shared])
        self._present = [name not in without for name in names]
        self._gate_scale = float("gate" not in without)
        self.gate = MixtureGate(1 + heads + shared, name="gate")
        layers: list[keras.layers.Layer] = [self.cell, self.stationary, self.copy]
        self.attention: HistoryAttention | None = None
        if attention:
            self.attention = HistoryAttention(
                units, attention, window, clock=clock, without=of_kernels, name="attention"
            )
            layers.append(self.attention)
        for layer in layers:
            with tf.name_scope(layer.name):
                layer.build(None)
        with tf.name_scope("gate"):
            self.gate.build(([None, features], [None, units], [None, 1 + heads + shared]))

        def normal(name: str, *shape: int, spread: float) -> tf.Variable:
            start = keras.initializers.RandomNormal(stddev=spread)
            return self.add_weight(name, shape, initializer=start)

        narrow = units**-0.5
        self.items = normal("items", num_items + 1, units, spread=0.05)
        self.inputs_of_items = [
            normal(f"inputs_{block}", units, width * units, spread=narrow) for block, width in self.cell.blocks.items()
        ]
        self.input_biases = [
            self.add_weight(f"input_biases_{block}", (width * units,), initializer="zeros")
            for block, width in self.cell.blocks.items()
        ]
        self.of_features = normal("of_features", features, units, spread=0.01)
        self.projection = normal("projection", units + factors, units, spread=(units + factors) ** -0.5)
        self.projection_bias = self.add_weight("projection_bias", (units,), initializer="zeros")
        self.factors_of_items = normal("factors_of_items", num_items + 1, factors, spread=0.05)
        self.item_bias = self.add_weight("item_bias", (num_items + 1, 1), initializer="zeros")
        self.built = True

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the distributions that are mixed, in order; those of the heads count as one."""
        return ("network", "copy", *_OF_OTHERS[: self.settings["shared"]])

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor, StepContext]) -> tf.Tensor:
        user, item, target, context = inputs
        start = self.cell.initial_state(tf.shape(user)[0])
        states = self.cell.unroll(self.embed(item), start, self.cell.matrices(user), item > 0)
        return self.scored(states, user, target, context)

    def embed(self, item: tf.Tensor) -> list[tf.Tensor]:
        """Computes the cell's inputs for items int[...]: float[..., width] per block."""
        return self.enter(tf.gather(self.items, item))

    def enter(self, vectors: tf.Tensor) -> list[tf.Tensor]:
        """Computes the cell's inputs from item vectors float[..., units]: float[..., width] per block."""
        parts = zip(self.inputs_of_items, self.input_biases, strict=True)
        return [tf.tensordot(vectors, kernel, 1) + bias for kernel, bias in parts]

    def scored(self, states: tf.Tensor, user: tf.Tensor, target: tf.Tensor, context: StepContext | None) -> tf.Tensor:
        """Computes what `CollaborativeRNN.scored` computes; the context is that of the targets."""
        assert context is not None
        states = self.with_past(states, tf.gather(self.items, context.item), context)
        return self.mixed(states, self.stationary(user), target, context)

    def mixed(
        self,
        states: tf.Tensor,
        factors: tf.Tensor,
        target: tf.Tensor,
        context: StepContext,
        dtype: Any = tf.float32,
        among: Candidates | None = None,
    ) -> tf.Tensor:
        """Computes log-likelihoods float32[B, T] from states `with_past` and users' factors float[B, k].

        Matrix products have the given dtype. With candidates, which must include all targets, the softmax sums over
        these alone.
        """
        real, copied = target > 0, self.copy((context.item, context.time))

        def rows(values: tf.Tensor) -> tf.Tensor:
            return tf.boolean_mask(values, real)

        wide = tf.repeat(factors[:, tf.newaxis], tf.shape(target)[1], axis=1)
        at, features = self.with_features(rows(states), rows(context.features)), rows(context.features)
        leaving = self.leave(at, rows(wide))
        if among is None:
            network = tiled_log_likelihood(leaving, self.kernel(), rows(target), dtype)
        else:
            network = kept_log_likelihood(leaving, self._rows(among), tf.gather(among.place, rows(target)), dtype)
        found = tf.concat([network[:, tf.newaxis], rows(copied), rows(context.shared)], axis=1)
        mixed = tf.reduce_logsumexp(self.shares(features, at, found) + found, axis=1)
        return tf.scatter_nd(tf.where(real), mixed, tf.shape(target, tf.int64))

    def distributions(self, states: tf.Tensor, user: tf.Tensor, context: StepContext) -> tf.Tensor:
        """Computes float32[B, items], the probability of each item at each user's next event.

        Args:
          states: float[B, units].
          user: int[B].
          context: context of one event per user, the last in `item` and `time`; its item is 0, and ``shared`` holds
            probabilities float32[B, s, items], all 0 where a distribution is absent.
        """
        return self.distributed(states, self.stationary(user), context)

    def distributed(self, states: tf.Tensor, factors: tf.Tensor, context: StepContext) -> tf.Tensor:
        """Computes the same as `distributions` from the users' factors, float[B, k]."""
        # Items are looked up in the table that is read: once a variable itself has been looked up in, TensorFlow copies
        # it whenever it is read.
        features = context.features[:, 0]
        vectors = tf.gather(tf.convert_to_tensor(self.items), context.item)
        states = self.with_past(states[:, tf.newaxis], vectors, context)[:, 0]
        at = self.with_features(states, features)
        network = tf.nn.softmax(self._logits(self.leave(at, factors)))
        weights = self.copy.log_weights((context.item, context.time))[:, :, 0]
        seen = context.item[:, 1:-1]
        none = tf.where(tf.reduce_any(seen > 0, axis=1), 0.0, ABSENT)
        copied = tf.repeat(none[:, tf.newaxis], self.copy.heads, axis=1)
        shared = tf.where(tf.reduce_any(context.shared > 0, axis=2), 0.0, ABSENT)
        found = tf.concat([tf.zeros_like(none)[:, tf.newaxis], copied, shared], axis=1)
        gate = tf.exp(self.shares(features, at, found))
        of_network, of_copy, of_shared = tf.split(gate, [1, self.copy.heads, shared.shape[1]], axis=1)
        share = tf.einsum("bk,bkj->bj", of_copy, tf.nn.softmax(weights))
        users, items = tf.shape(seen)[0], network.shape[1]
        place = tf.range(users)[:, tf.newaxis] * (items + 1) + seen
        own = tf.math.unsorted_segment_sum(tf.reshape(share, [-1]), tf.reshape(place, [-1]), users * (items + 1))
        own = tf.reshape(own, [users, items + 1])[:, 1:]
        return of_network * network + own + tf.einsum("bs,bsm->bm", of_shared, context.shared)

    def shares(self, features: tf.Tensor, states: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
        """Computes the mixture weights, float[N, 1 + heads + s], of the parts that are present (see `MixtureGate`)."""
        found = tf.where(self._present, found, tf.constant(ABSENT, found.dtype))
        return self.gate((self._gate_scale * features, self._gate_scale * states, found))

    def with_past(self, states: tf.Tensor, vectors: tf.Tensor, context: StepContext) -> tf.Tensor:
        """Adds to states float[B, T, units] what followed events similar to the latest one.

        Args:
          states: float[B, T, units].
          vectors: float[B, window + 1 + T, units], vectors of the context's items.
          context: context of the targets.
        """
        return states if self.attention is None else states + self.attention((context.item, context.time, vectors))

    def with_features(self, states: tf.Tensor, features: tf.Tensor) -> tf.Tensor:
        """Adds the features of the next event, such as its time, to states: float[N, units]."""
        return states + tf.matmul(features, self.of_features)

    def leave(self, states: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
        """Joins states float[N, units] and factors float[N, k] to what `kernel` multiplies: float[N, units + k + 1]."""
        projected = tf.matmul(tf.concat([states, factors], axis=1), self.projection) + self.projection_bias
        return tf.concat([projected, factors, tf.ones_like(states[:, :1])], axis=1)

    def _logits(self, leaving: tf.Tensor) -> tf.Tensor:
        """Computes logits float[N, items] without `kernel`, which saves a single request a copy of the tables."""
        parts = tf.split(leaving, [table.shape[1] for table in self.of_items], axis=1)
        found = [tf.matmul(part, table, transpose_b=True) for part, table in zip(parts, self.of_items, strict=True)]
        return tf.add_n(found)[:, 1:]

    @property
    def of_items(self) -> tuple[tf.Variable, tf.Variable, tf.Variable]:
        """The items' tables: their vectors, the factors that meet users' factors, and biases; row 0 is padding."""
        return self.items, self.factors_of_items, self.item_bias

    def kernel(self) -> tf.Tensor:
        """Builds float[units + k + 1, items], the matrix of the network's softmax."""
        return tf.transpose(tf.concat([table[1:] for table in self.of_items], axis=1))

    def _rows(self, among: Candidates) -> tf.Tensor:
        """Builds float[C, units + k + 1], the columns of `kernel` of candidates, whose biases include log-weights."""
        vectors, factors, bias = (tf.gather(table, among.item) for table in self.of_items)
        return tf.concat([vectors, factors, bias + among.log_weight[:, tf.newaxis]], axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**keras.layers.Layer.get_config(self), **self.settings}
