"""The Recurrent Recommender Network: two towers, two sets of stationary factors, one emission."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from rrn_tf.features import SIDES, Side
from rrn_tf.layers import InnovationEncoder, RatingEmission, StateTower, StationaryFactors, StepEncoder
from rrn_tf.models.tastes import Tastes, TasteScale

RATINGS, INNOVATIONS = "ratings", "innovations"
INPUTS = (RATINGS, INNOVATIONS)


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
      implicit: innovations stand beside whom they concern (`rrn_tf.layers.InnovationEncoder`).
      members: networks trained side by side on their own errors, whose ratings are averaged; `units`, `embedding` and
        `dynamic_units` are those of each (not in the paper).
      clock, time_scale: see `rrn_tf.layers.StepContext`.
      taste: factors, fitted to what the trained states leave, that later ratings move (`rrn_tf.models.tastes`; not in
        the paper). `call` knows nothing of them.

    Call arguments, as one tuple:
      user_state, item_state: float[N, units].
      user, item: int[N], entity indices.

    Returns:
      float[N], predicted ratings.

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
        implicit: bool = False,
        members: int = 1,
        clock: str = "wallclock",
        time_scale: float = 1.0,
        taste: int = 0,
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
            "implicit": implicit,
            "members": members,
            "clock": clock,
            "time_scale": time_scale,
            "taste": taste,
        }
        if inputs not in INPUTS:
            raise ValueError(f"inputs should be one of {INPUTS}, received {inputs!r}")
        if implicit and inputs != INNOVATIONS:
            raise ValueError(f"implicit should go with inputs {INNOVATIONS!r}, received {inputs!r}")
        self.inputs = inputs
        dtype = self.dtype_policy
        units, embedding, dynamic_units = (members * width for width in (units, embedding, dynamic_units))
        common = {"clock": clock, "time_scale": time_scale, "dtype": dtype}
        count = {Side.USER: num_users, Side.ITEM: num_items}
        self._encoders = {
            s.value: StepEncoder(count[s.opposite], embedding, name=f"{s.value}_encoder", **common)
            if inputs == RATINGS
            else InnovationEncoder(dynamic_units, embedding, implicit, members, name=f"{s.value}_encoder", **common)
            for s in SIDES
        }
        self._towers = {s.value: StateTower(units, cell, members, name=f"{s.value}_tower", dtype=dtype) for s in SIDES}
        self._factors = {
            s.value: StationaryFactors(count[s], stationary, name=f"{s.value}_factors", dtype=dtype) for s in SIDES
        }
        self.emission = RatingEmission(dynamic_units, members, name="emission", dtype=dtype)
        state, vector = tf.TensorShape([None, units]), tf.TensorShape([None, stationary])
        for side in SIDES:
            _build(self.encoder(side), None)
            _build(self.tower(side), tf.TensorShape([None, None, embedding]))
            _build(self.factors(side), None)
        _build(self.emission, (state, state, vector, vector))
        self._tastes = {
            s.value: [
                tf.Variable(tf.zeros([count[s] + 1, taste]), trainable=False, name=f"{s.value}_taste_{part}")
                for part in ("mean", "variance")
            ]
            for s in SIDES
        }
        self._taste_scale = tf.Variable(list(TasteScale()), trainable=False, name="taste_scale")
        self.built = True

    def encoder(self, side: Side) -> Any:
        """The side's `StepEncoder` or `InnovationEncoder`."""
        return self._encoders[side.value]

    def tower(self, side: Side) -> StateTower:
        return self._towers[side.value]

    def factors(self, side: Side) -> StationaryFactors:
        return self._factors[side.value]

    @property
    def taste(self) -> int:
        """Factors of a taste."""
        return int(self._tastes[Side.USER.value][0].shape[1])

    @property
    def taste_scale(self) -> TasteScale:
        return TasteScale(*map(float, self._taste_scale.numpy()))

    def trained_tastes(self, side: Side) -> Tastes:
        """What training believes of a side's entities, from index 0, the unknown one."""
        return Tastes.of(*(part.numpy() for part in self._tastes[side.value]))

    def set_tastes(self, tastes: dict[Side, Tastes], scale: TasteScale) -> None:
        """Takes over tastes after training ratings, no step of which is open."""
        self._taste_scale.assign(list(scale))
        for side, of_side in tastes.items():
            for variable, values in zip(self._tastes[side.value], of_side[:2], strict=True):
                variable.assign(values)

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
          float[N, members]; no gradient passes.
        """
        at_rest = self.emission.of_members(vector, self.projection(side).bias / self.emission.members**0.5)
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

    def get_config(self) -> dict[str, Any]:
        # A model's own configuration is empty; a layer's holds name and dtype.
        return {**keras.layers.Layer.get_config(self), **self.settings}


def _build(layer: keras.layers.Layer, input_shape: Any) -> None:
    with tf.name_scope(layer.name):
        layer.build(input_shape)
