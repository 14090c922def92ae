"""The Recurrent Recommender Network: two towers, two sets of stationary factors, one emission."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras as keras

from rrn_tf.factors.beliefs import Beliefs, FactorScale, FloatArray
from rrn_tf.features import SIDES, Side
from rrn_tf.layers import InnovationEncoder, RatingEmission, StateTower, StationaryFactors, StepEncoder

RATINGS, INNOVATIONS = "ratings", "innovations"
INPUTS = (RATINGS, INNOVATIONS)


class PartWeights(NamedTuple):
    """How the parts of a model are added up: ``network * n + factors * f + constant``.

    Attributes:
      network: of what states and stationary factors say (Eq. 7).
      factors: of what the Bayesian factors say.
      constant: in units of ratings.
    """

    network: float = 1.0
    factors: float = 0.0
    constant: float = 0.0


class UserWeights(NamedTuple):
    """Weights of the parts by what is known of the user: factors move with every rating, states step by step.

    Attributes:
      resting: of users without ratings since training.
      moved: of users with some.
    """

    resting: PartWeights = PartWeights()
    moved: PartWeights = PartWeights()


@keras.saving.register_keras_serializable("rrn_tf")
class RRN(keras.Model):
    """Recurrent Recommender Network (Eqs. 5-7).

    User side and item side are one piece of code given a `Side`. The side's own network is its step
    encoder, tower and projection; its stationary factors are counted apart, since another optimizer
    trains them.

    Args:
      num_users, num_items: entities with training ratings; indices run from 1.
      cell: ``"lstm"``, ``"gru"`` or ``"rnn"``.
      units: width of the recurrent states.
      embedding: width of the step embeddings.
      dynamic_units: width of the projected states.
      stationary: number of stationary factors.
      inputs: what a state is fed of a step: its ``"ratings"`` (Eq. 5) or their ``"innovations"``
        (`rrn_tf.layers.InnovationEncoder`).
      include_opposite_state: innovations stand beside whom they concern (`rrn_tf.layers.InnovationEncoder`).
      ensemble: networks trained side by side on their own errors, whose ratings are averaged; `units`, `embedding` and
        `dynamic_units` are those of each (not in the paper).
      time_feature, time_scale: see `rrn_tf.layers.StepContext`.
      bayesian_factors: k of a second part, Bayesian factors with biases and sets that later ratings move
        (`rrn_tf.factors`; not in the paper), which stands beside the network; 0 for none. `call` knows nothing of it.

    Call arguments, as one tuple:
      user_state, item_state: float[N, units].
      user, item: int[N], entity indices.

    Returns:
      float[N], predicted ratings.

    States come from steps of ratings, which `rrn_tf.RRNRecommender` prepares and trains on; Keras's `fit` is refused.

    Example:
      >>> model = RRN(num_users=3, num_items=4, units=2, embedding=2, dynamic_units=2, stationary=2)
      >>> model((tf.zeros([5, 2]), tf.zeros([5, 2]), tf.ones([5], tf.int32), tf.ones([5], tf.int32))).shape.as_list()
      [5]

    Reference:
      Wu, Ahmed, Beutel, Smola and Jing, Recurrent Recommender Networks, WSDM 2017.
    """

    def __init__(
        self,
        num_users: int,
        num_items: int,
        cell: str = "lstm",
        units: int = 40,
        embedding: int = 40,
        dynamic_units: int = 20,
        stationary: int = 20,
        inputs: str = "ratings",
        include_opposite_state: bool = False,
        ensemble: int = 1,
        time_feature: str = "wallclock",
        time_scale: float = 1.0,
        bayesian_factors: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.settings = {
            "num_users": num_users,
            "num_items": num_items,
            "cell": cell,
            "units": units,
            "embedding": embedding,
            "dynamic_units": dynamic_units,
            "stationary": stationary,
            "inputs": inputs,
            "include_opposite_state": include_opposite_state,
            "ensemble": ensemble,
            "time_feature": time_feature,
            "time_scale": time_scale,
            "bayesian_factors": bayesian_factors,
        }
        if inputs not in INPUTS:
            raise ValueError(f"inputs should be one of {INPUTS}, received {inputs!r}")
        if include_opposite_state and inputs != INNOVATIONS:
            raise ValueError(f"include_opposite_state should go with inputs {INNOVATIONS!r}, received {inputs!r}")
        self.inputs = inputs
        dtype = self.dtype_policy
        units, embedding, dynamic_units = (ensemble * width for width in (units, embedding, dynamic_units))
        common = {"time_feature": time_feature, "time_scale": time_scale, "dtype": dtype}
        count = {Side.USER: num_users, Side.ITEM: num_items}
        self._encoders = {
            s.value: StepEncoder(count[s.opposite], embedding, name=f"{s.value}_encoder", **common)
            if inputs == RATINGS
            else InnovationEncoder(
                dynamic_units, embedding, include_opposite_state, ensemble, name=f"{s.value}_encoder", **common
            )
            for s in SIDES
        }
        self._towers = {s.value: StateTower(units, cell, ensemble, name=f"{s.value}_tower", dtype=dtype) for s in SIDES}
        self._factors = {
            s.value: StationaryFactors(count[s], stationary, name=f"{s.value}_factors", dtype=dtype) for s in SIDES
        }
        self.emission = RatingEmission(dynamic_units, ensemble, name="emission", dtype=dtype)
        state, vector = tf.TensorShape([None, units]), tf.TensorShape([None, stationary])
        for side in SIDES:
            _build(self.encoder(side), None)
            _build(self.tower(side), tf.TensorShape([None, None, embedding]))
            _build(self.factors(side), None)
        _build(self.emission, (state, state, vector, vector))
        self._bayesian_factors = bayesian_factors
        self._beliefs = {s.value: _belief_tables(s, count, bayesian_factors) for s in SIDES}
        width = _belief_width(bayesian_factors)
        nothing_fitted = [*FactorScale()[:4], *[1.0] * 2 * width]
        self._factor_scale = tf.Variable(nothing_fitted, trainable=False, name="factor_scale")
        self._part_weights = tf.Variable(UserWeights(), trainable=False, name="part_weights")
        self.built = True

    def encoder(self, side: Side) -> Any:
        """The side's `StepEncoder` or `InnovationEncoder`."""
        return self._encoders[side.value]

    def tower(self, side: Side) -> StateTower:
        return self._towers[side.value]

    def factors(self, side: Side) -> StationaryFactors:
        return self._factors[side.value]

    @property
    def bayesian_factors(self) -> int:
        """Factors of the Bayesian part; 0 where there is none."""
        return int(self._bayesian_factors)

    @property
    def factor_scale(self) -> FactorScale:
        """What all beliefs share."""
        values, width = tuple(map(float, self._factor_scale.numpy())), _belief_width(self.bayesian_factors)
        mean, noise, drift, new_drift, *priors = values
        return FactorScale(mean, noise, drift, new_drift, tuple(priors[:width]), tuple(priors[width:]))

    @property
    def part_weights(self) -> UserWeights:
        return UserWeights(*(PartWeights(*map(float, row)) for row in self._part_weights.numpy()))

    def set_part_weights(self, weights: UserWeights) -> None:
        self._part_weights.assign(weights)

    def trained_beliefs(self, side: Side) -> Beliefs:
        """What training believes of the factors of a side's entities, from index 0, the unknown one."""
        own, variance, set_sum, set_count, _ = (table.numpy() for table in self._beliefs[side.value])
        return Beliefs.at_rest(own, variance, set_sum, set_count, np.zeros(len(own), bool))

    def set_vectors(self, side: Side) -> FloatArray:
        """float32[E' + 1, k + 1]: what having met each entity of the other side says of a side's own."""
        return self._beliefs[side.value][-1].numpy()

    def set_factors(
        self, beliefs: Mapping[Side, Beliefs], set_vectors: Mapping[Side, FloatArray], scale: FactorScale
    ) -> None:
        """Takes over Bayesian factors, no step of which is open."""
        self._factor_scale.assign([*scale[:4], *scale.user_prior, *scale.item_prior])
        for side in beliefs:
            values = (*beliefs[side][:4], set_vectors[side])
            for variable, found in zip(self._beliefs[side.value], values, strict=True):
                variable.assign(found)

    def projection(self, side: Side) -> keras.layers.Dense:
        """The affine map of Eq. 7 from a side's state to its projected state."""
        return self.emission.user_projection if side is Side.USER else self.emission.item_projection

    def network_variables(self, side: Side) -> list[tf.Variable]:
        """Variables of a side's network, without its stationary factors."""
        layers = (self.encoder(side), self.tower(side), self.projection(side))
        return [variable for layer in layers for variable in layer.trainable_variables]

    def innovation(
        self, side: Side, rating: tf.Tensor, vector: tf.Tensor, own: tf.Tensor, opposite: tf.Tensor
    ) -> tf.Tensor:
        """Ratings less what the opposite states and the stationary factors predict for a side's entities at rest.

        Args:
          side: whose inputs they are.
          rating: float[N].
          vector: float[N, dynamic], the opposite side's projected states.
          own, opposite: float[N, k], stationary factors of the side's entities and of the other one's.

        Returns:
          float[N, ensemble]; no gradient passes.
        """
        at_rest = self.emission.of_each_network(vector, self.projection(side).bias / self.emission.ensemble**0.5)
        stationary = tf.reduce_sum(own * opposite, axis=-1)
        return tf.stop_gradient((rating - stationary)[:, tf.newaxis] - at_rest)

    def input_sums(
        self,
        side: Side,
        rating: tf.Tensor,
        own: tf.Tensor,
        opposite: tf.Tensor,
        vector: tf.Tensor,
        slot: tf.Tensor,
        num_slots: tf.Tensor,
    ) -> tf.Tensor:
        """What ratings add up to as inputs of a side's steps; those of one step may come in parts.

        Args:
          side: whose inputs they are.
          rating: float[N].
          own, opposite: int[N], the side's entities and the other one's; 0 where they have no training ratings.
          vector: float[N, dynamic], the opposite side's projected states.
          slot: int[N], which input each rating enters.
          num_slots: int[].

        Returns:
          float[num_slots, sum_units], of the side's encoder, whose `embed_sums` embeds them.
        """
        encoder = self.encoder(side)
        if self.inputs == RATINGS:
            return encoder.embed_ratings(opposite, rating, slot, num_slots)
        factors = self.factors(side)(own), self.factors(side.opposite)(opposite)
        return encoder.sum_innovations(self.innovation(side, rating, vector, *factors), vector, slot, num_slots)

    def roll(
        self,
        side: Side,
        embedded: tf.Tensor,
        context: tf.Tensor,
        length: tf.Tensor,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """States of padded sequences and the state after each one's last step (Eqs. 5 and 6).

        Args:
          side: which tower.
          embedded: float[B * T, embedding], the embedded ratings of each step's input (see `StepEncoder`).
          context: float[B, T, 3].
          length: int[B].

        Returns:
          float[B, T, units] and a list of float[B, units].
        """
        mask = tf.sequence_mask(length, tf.shape(context)[1])
        steps = self.encoder(side).add_context(embedded, context)
        return self.tower(side)(steps, mask=mask, return_state=True)

    def states(
        self,
        side: Side,
        embedded: tf.Tensor,
        context: tf.Tensor,
        length: tf.Tensor,
        dropout: tuple[float, tf.Tensor] | None = None,
    ) -> tf.Tensor:
        """As `roll`, without the final state, which is faster; `dropout`: rate, of embeddings, and seed int64[2]."""
        mask = tf.sequence_mask(length, tf.shape(context)[1])
        steps = self.encoder(side).add_context(embedded, context)
        if dropout:
            steps = tf.nn.experimental.stateless_dropout(steps, *dropout)
        return self.tower(side)(steps, mask=mask)

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        user_state, item_state, user, item = inputs
        return self.emission((user_state, item_state, self.factors(Side.USER)(user), self.factors(Side.ITEM)(item)))

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Refuses: Keras would train what `call` reads, the emission and the stationary factors, and no states.

        Raises:
          TypeError: always.
        """
        raise TypeError(
            "RRN is trained in turns of users and items, not by Keras: use rrn_tf.RRNRecommender().fit(ratings), or "
            "rrn_tf.training.alternating.train on prepared sequences"
        )

    train_on_batch = fit

    def get_config(self) -> dict[str, Any]:
        # A model's own configuration is empty; a layer's holds name and dtype.
        return {**keras.layers.Layer.get_config(self), **self.settings}


def _build(layer: keras.layers.Layer, input_shape: Any) -> None:
    with tf.name_scope(layer.name):
        layer.build(input_shape)


def _belief_width(factors: int) -> int:
    """Factors and a bias, or nothing at all."""
    return factors + 1 if factors else 0


def _belief_tables(side: Side, count: Mapping[Side, int], factors: int) -> list[tf.Variable]:
    """Columns of `Beliefs` at rest, and the set vectors of the other side's entities: before a fit, priors of 1."""
    width, own, other = _belief_width(factors), count[side] + 1, count[side.opposite] + 1
    shapes = {
        "own": (own, width),
        "variance": (own, width),
        "set_sum": (own, width),
        "set_count": (own,),
        "set_vectors": (other, width),
    }
    return [
        tf.Variable((tf.ones if name == "variance" else tf.zeros)(shape), trainable=False, name=f"{side.value}_{name}")
        for name, shape in shapes.items()
    ]
