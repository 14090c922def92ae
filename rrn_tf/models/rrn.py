"""The Recurrent Recommender Network: a recurrent tower and stationary factors per side, and one rating emission."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
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
    """Weights of a model's parts in a predicted rating: ``network * n + factors * f + constant``.

    Attributes:
      network: weight of the network's rating, from states and stationary factors (Eq. 7).
      factors: weight of the Bayesian factors' rating.
      constant: in units of ratings.
    """

    network: float = 1.0
    factors: float = 0.0
    constant: float = 0.0


class UserWeights(NamedTuple):
    """Weights of the parts by kind of user, since later ratings change factors one by one but states step by step.

    Attributes:
      resting: weights for users without ratings since training.
      moved: weights for users with ratings since training.
    """

    resting: PartWeights = PartWeights()
    moved: PartWeights = PartWeights()


@keras.saving.register_keras_serializable("rrn_tf")
class RRN(keras.Model):
    """Recurrent Recommender Network (Eqs. 5-7).

    User side and item side share one piece of code, which takes a `Side`. A side's own network is its step
    encoder, tower and projection; its stationary factors are listed apart, since another optimizer
    trains them.

    Args:
      num_users, num_items: number of users and items with training ratings; indices run from 1.
      cell: ``"lstm"``, ``"gru"`` or ``"rnn"``.
      units: width of the recurrent states.
      embedding: width of the step embeddings.
      dynamic_units: width of the projected states.
      stationary: number of stationary factors.
      inputs: a state's inputs at a step: its ``"ratings"`` (Eq. 5) or their ``"innovations"``
        (`rrn_tf.layers.InnovationEncoder`).
      include_opposite_state: whether innovations come with the opposite states (`rrn_tf.layers.InnovationEncoder`).
      ensemble: number of networks, each trained on its own errors, whose ratings are averaged; `units`, `embedding` and
        `dynamic_units` are those of each (not in the paper).
      time_feature, time_scale: see `rrn_tf.layers.StepContext`.
      bayesian_factors: number k of Bayesian factors beside the network, which later ratings update
        (`rrn_tf.factors`; not in the paper); 0 for none. `call` does not use them.

    Call arguments as one tuple:
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
        settings = {
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
        # Read-only, and so a plain mapping: TensorFlow would wrap a dict in one that is not JSON.
        self.settings = MappingProxyType(settings)
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
        """Returns the side's `StepEncoder` or `InnovationEncoder`."""
        return self._encoders[side.value]

    def tower(self, side: Side) -> StateTower:
        """Returns the recurrent network of a side (Eq. 6)."""
        return self._towers[side.value]

    def factors(self, side: Side) -> StationaryFactors:
        """Returns the stationary factors of a side (Eq. 7)."""
        return self._factors[side.value]

    @property
    def bayesian_factors(self) -> int:
        """Number of Bayesian factors; 0 if the model has none."""
        return int(self._bayesian_factors)

    @property
    def factor_scale(self) -> FactorScale:
        """The parameters shared by all beliefs: mean, noise, drifts and priors."""
        values, width = tuple(map(float, self._factor_scale.numpy())), _belief_width(self.bayesian_factors)
        mean, noise, drift, new_drift, *priors = values
        return FactorScale(mean, noise, drift, new_drift, tuple(priors[:width]), tuple(priors[width:]))

    @property
    def part_weights(self) -> UserWeights:
        """The weights by which network and Bayesian factors make up a rating."""
        return UserWeights(*(PartWeights(*map(float, row)) for row in self._part_weights.numpy()))

    def set_part_weights(self, weights: UserWeights) -> None:
        """Sets the weights of the parts."""
        self._part_weights.assign(weights)

    def trained_beliefs(self, side: Side) -> Beliefs:
        """Returns the posterior of the factors of a side's entities after training, from index 0, the unknown one."""
        own, variance, set_sum, set_count, _ = (table.numpy() for table in self._beliefs[side.value])
        return Beliefs.at_rest(own, variance, set_sum, set_count, np.zeros(len(own), bool))

    def set_vectors(self, side: Side) -> FloatArray:
        """Returns float32[E' + 1, k + 1]: what meeting each entity of the other side adds to a set (see `Beliefs`)."""
        return self._beliefs[side.value][-1].numpy()

    def set_factors(
        self, beliefs: Mapping[Side, Beliefs], set_vectors: Mapping[Side, FloatArray], scale: FactorScale
    ) -> None:
        """Assigns Bayesian factors; none of the beliefs may have a pending step."""
        self._factor_scale.assign([*scale[:4], *scale.user_prior, *scale.item_prior])
        for side in beliefs:
            values = (*beliefs[side][:4], set_vectors[side])
            for variable, found in zip(self._beliefs[side.value], values, strict=True):
                variable.assign(found)

    def projection(self, side: Side) -> keras.layers.Dense:
        """Returns the affine map of Eq. 7 from a side's state to its projected state."""
        return self.emission.user_projection if side is Side.USER else self.emission.item_projection

    def network_variables(self, side: Side) -> list[tf.Variable]:
        """Returns the trainable variables of a side's network, without its stationary factors."""
        layers = (self.encoder(side), self.tower(side), self.projection(side))
        return [variable for layer in layers for variable in layer.trainable_variables]

    def innovation(
        self, side: Side, rating: tf.Tensor, vector: tf.Tensor, own: tf.Tensor, opposite: tf.Tensor
    ) -> tf.Tensor:
        """Computes innovations: ratings less their prediction from the opposite states and the stationary factors.

        Args:
          side: the side that receives the innovations; the prediction takes its own state to be zero.
          rating: float[N].
          vector: float[N, dynamic], the opposite side's projected states.
          own, opposite: float[N, k], stationary factors of the side's entities and of the opposite ones.

        Returns:
          float[N, ensemble]; no gradient passes through it.
        """
        at_rest = self.emission.of_each_network(vector, self.projection(side).bias * self.emission.ensemble**-0.5)
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
        before: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Sums ratings as inputs of a side's steps.

        Args:
          side, rating: the side that receives the inputs, and float[N].
          own, opposite: int[N], the side's entities and the opposite ones; 0 for those without training ratings.
          vector: float[N, dynamic], the opposite side's projected states.
          slot, num_slots: int[N] and int[], index of the step to which each rating is an input, and their number.
          before: float32[num_slots, sum_units], sums of earlier ratings of the same steps (see `ordered_sums`).

        Returns:
          float[num_slots, sum_units], to be embedded by the encoder's `embed_sums`.
        """
        encoder = self.encoder(side)
        if self.inputs == RATINGS:
            return encoder.embed_ratings(opposite, rating, slot, num_slots, before)
        factors = self.factors(side)(own), self.factors(side.opposite)(opposite)
        return encoder.sum_innovations(self.innovation(side, rating, vector, *factors), vector, slot, num_slots, before)

    def roll(
        self,
        side: Side,
        embedded: tf.Tensor,
        context: tf.Tensor,
        length: tf.Tensor,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Computes states along padded sequences and the state after each one's last step (Eqs. 5 and 6).

        Args:
          side: the side of the tower.
          embedded: float[B * T, embedding], the embedded input ratings of each step (see `StepEncoder`).
          context: float[B, T, 3].
          length: int[B], number of real steps.

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
        """Computes the states of `roll`, without the final one, which is faster; `dropout`: rate and seed int64[2]."""
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
        # The configuration of a Keras model is empty; a layer's holds name and dtype.
        return {**keras.layers.Layer.get_config(self), **self.settings}


def _build(layer: keras.layers.Layer, input_shape: Any) -> None:
    with tf.name_scope(layer.name):
        layer.build(input_shape)


def _belief_width(factors: int) -> int:
    """Returns the number of factors plus one for the bias, or 0 without factors."""
    return factors + 1 if factors else 0


def _belief_tables(side: Side, count: Mapping[Side, int], factors: int) -> list[tf.Variable]:
    """Creates variables for a side's `Beliefs` and the other side's set vectors; before a fit all variances are 1."""
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
