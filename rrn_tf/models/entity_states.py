"""Where every entity of a side stands, and where it will stand at a later time (Section 3.3)."""

from __future__ import annotations

import tensorflow as tf

from rrn_tf.features import Side
from rrn_tf.models.rrn import RRN


class EntityStates(tf.Module):
    """The last state of each of E entities, ready to be extrapolated.

    Row 0 is the newbie, as is the row of every entity without history: zero state, no ratings,
    newbie flag set.

    Args:
      entities: number of entities; indices run from 1.
      units: width of the recurrent state.
      parts: tensors of the recurrent state (2 for LSTM, 1 otherwise).
      embedding: width of the step embedding.

    Attributes:
      state: list of float32[E + 1, units], after the entity's last step.
      last_ratings: float32[E + 1, embedding], the embedded ratings of that step (`x` part of Eq. 5).
      last_context: float32[E + 1, 2], newbie flag and scaled wallclock of that step.
    """

    def __init__(self, entities: int, units: int, parts: int, embedding: int, name: str | None = None) -> None:
        super().__init__(name=name)
        rows = entities + 1
        self.state = [tf.Variable(tf.zeros([rows, units]), trainable=False, name=f"state_{p}") for p in range(parts)]
        self.last_ratings = tf.Variable(tf.zeros([rows, embedding]), trainable=False, name="last_ratings")
        self.last_context = tf.Variable(tf.tile([[1.0, 0.0]], [rows, 1]), trainable=False, name="last_context")

    @classmethod
    def like(cls, model: RRN, side: Side, entities: int) -> EntityStates:
        """Newbie states that fit a model's side."""
        tower, encoder = model.tower(side), model.encoder(side)
        return cls(entities, tower.units, len(tower.initial_state(1)), encoder.units, name=f"{side.value}_states")

    def enlarged(self, model: RRN, side: Side, entities: int) -> EntityStates:
        """A copy with room for newbies: indices beyond those of this one."""
        larger = EntityStates.like(model, side, entities)
        for target, source in zip(larger.variables, self.variables, strict=True):
            target.assign(tf.concat([source, target[source.shape[0] :]], axis=0))
        return larger

    def go_on(self, entity: tf.Tensor, context: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]:
        """What sequences of int[B] entities that follow their last states start from.

        Args:
          entity: int[B].
          context: float32[B, T, 3] of `rrn_tf.layers.StepEncoder`, made as if the sequences were new.

        Returns:
          Initial state (list of float32[B, units]), embedded last ratings float32[B, embedding], and the
          context with the first step's newbie flag and previous wallclock as they are.
        """
        last = tf.gather(self.last_context, entity)
        first = tf.stack([last[:, 0], context[:, 0, 1], last[:, 1]], axis=1)
        return (
            [tf.gather(part, entity) for part in self.state],
            tf.gather(self.last_ratings, entity),
            tf.concat([first[:, tf.newaxis], context[:, 1:]], axis=1),
        )

    def extrapolate(self, model: RRN, side: Side, entity: tf.Tensor, wallclock: tf.Tensor) -> tf.Tensor:
        """Projected states at a later time: one more step from the last state, fed the last ratings.

        Args:
          model: gives the cell and the projection.
          side: which side these states are of.
          entity: int[N]; 0 for an unknown entity.
          wallclock: float32[N], scaled wallclock of the query's step.

        Returns:
          float32[N, dynamic].
        """
        rows = [tf.gather(part, entity) for part in self.state]
        context = tf.gather(self.last_context, entity)
        context = tf.stack([context[:, 0], wallclock, context[:, 1]], axis=1)
        inputs = tf.gather(self.last_ratings, entity) + model.encoder(side).embed_context(context)
        output, _ = model.tower(side).step(inputs, rows)
        return model.projection(side)(output)
