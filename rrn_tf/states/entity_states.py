"""The last hidden state of every user or item, and its extrapolation to a later time (Section 3.3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.data.rows import PendingSteps
from rrn_tf.data.sequences import SideSequences
from rrn_tf.data.wallclock import NEVER
from rrn_tf.factors.beliefs import Beliefs
from rrn_tf.features import Side
from rrn_tf.models.rrn import RRN

_BELIEVED = ("mean", "variance", "set_sum", "set_count", "moved")
_PENDING = ("precision", "information_vector", "pending_sum", "pending_count", "pending_step")


class EntityStates(tf.Module):
    """The last state of each of E entities, from which it is extrapolated or updated by later ratings.

    An entity's last step is *pending*: its state does not include that step's ratings, whose sums are stored beside it
    until a later step begins. So a later rating of the same step can be added, in any order. Where steps end by count
    too, what decides whether a later rating belongs to the pending step is stored as well (`PendingSteps`).

    Index 0 is the newbie, and every entity without ratings equals it: zero state, no ratings, newbie flag set.

    Args:
      entities: number of entities; indices run from 1.
      units: width of the recurrent state.
      parts: number of tensors of the recurrent state (2 for LSTM, 1 otherwise).
      sums: width of the sums of a step's ratings (`sum_units` of the encoder).
      belief_width: number of Bayesian factors plus the bias; 0 without them.

    Attributes:
      state: list of float32[E + 1, units], the state at the entity's last step.
      last_step: int64[E + 1], that step (see `rrn_tf.data.wallclock.step_of`); `NEVER` for newbies.
      last_times: int64[E + 1, 4], times and counts of that step: the other columns of `rrn_tf.data.rows.PendingSteps`.
      last_sums: float32[E + 1, sums], sums of that step's ratings (`RRN.input_sums`).
      last_context: float32[E + 1, 2], newbie flag and scaled wallclock of that step.
      believed: the columns of `rrn_tf.factors.Beliefs` before the ratings of each entity's last second.
      pending_entity: int64[M], entities with a pending second.
      pending: the other columns of `Beliefs`, for these entities alone.
    """

    def __init__(
        self,
        entities: int,
        units: int,
        parts: int,
        sums: int,
        belief_width: int = 0,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        rows = entities + 1
        self.state = [tf.Variable(tf.zeros([rows, units]), trainable=False, name=f"state_{p}") for p in range(parts)]
        self.last_step = tf.Variable(tf.fill([rows], tf.constant(NEVER, tf.int64)), trainable=False, name="last_step")
        never = tf.tile(tf.constant([[NEVER, NEVER, 0, 0]], tf.int64), [rows, 1])
        self.last_times = tf.Variable(never, trainable=False, name="last_times")
        self.last_sums = tf.Variable(tf.zeros([rows, sums]), trainable=False, name="last_sums")
        self.last_context = tf.Variable(tf.tile([[1.0, 0.0]], [rows, 1]), trainable=False, name="last_context")
        nothing: tuple[Any, ...] = Beliefs.unknown(rows, np.zeros(belief_width, np.float32))
        # All zero. Workers can exchange variables without elements if these start as TensorFlow's zeros; NumPy's crash.
        self.believed = [
            tf.Variable(tf.zeros(column.shape, column.dtype), trainable=False, name=name)
            for name, column in zip(_BELIEVED, nothing, strict=False)
        ]
        # Stored for these entities alone: they are few, and sums of products are wide.
        self.pending_entity = tf.Variable(tf.zeros([0], tf.int64), trainable=False, shape=[None], name="pending_entity")
        self.pending = [
            tf.Variable(
                tf.zeros([0, *column.shape[1:]], column.dtype),
                trainable=False,
                shape=[None, *column.shape[1:]],
                name=name,
            )
            for name, column in zip(_PENDING, nothing[len(_BELIEVED) :], strict=True)
        ]

    @property
    def by_entity(self) -> list[tf.Variable]:
        """The variables indexed by entity, 0 included."""
        return variables_by_entity(self)

    @property
    def rolled(self) -> list[tf.Variable]:
        """The variables indexed by entity, 0 included, that the recurrent network and its inputs set."""
        return self.by_entity[: -len(self.believed)]

    @property
    def of_pending_seconds(self) -> list[tf.Variable]:
        """The variables with a row per entity that has a pending second."""
        return variables_of_pending_seconds(self)

    @classmethod
    def like(cls, model: RRN, side: Side, entities: int) -> EntityStates:
        """Creates newbie states that fit a side of a model."""
        tower, encoder = model.tower(side), model.encoder(side)
        parts, name = len(tower.initial_state(1)), f"{side.value}_states"
        width = len(model.factor_scale.prior(side))
        states = cls(entities, tower.units, parts, encoder.sum_units, width, name=name)
        if width:
            states.set_beliefs(model.trained_beliefs(side).enlarged(entities + 1, model.factor_scale.prior(side)))
        return states

    @property
    def beliefs(self) -> Beliefs:
        """The beliefs about all entities."""
        columns = [variable.numpy() for variable in self.believed]
        beliefs, entity = Beliefs.at_rest(*columns), self.pending_entity.numpy()
        for column, variable in zip(beliefs[len(_BELIEVED) :], self.pending, strict=True):
            column[entity] = variable.numpy()
        return beliefs

    @property
    def pending_steps(self) -> PendingSteps:
        """The entities' last steps, which later ratings may continue."""
        return PendingSteps(self.last_step.numpy(), *self.last_times.numpy().T)

    def set_beliefs(self, beliefs: Beliefs) -> None:
        """Stores beliefs about all entities."""
        entity = np.flatnonzero(beliefs.pending_count)
        for variable, column in zip(self.believed, beliefs[: len(_BELIEVED)], strict=True):
            variable.assign(column)
        self.pending_entity.assign(entity)
        for variable, column in zip(self.pending, beliefs[len(_BELIEVED) :], strict=True):
            variable.assign(column[entity])

    def enlarged(
        self, model: RRN, side: Side, entities: int, moved: npt.NDArray[np.int32] | None = None
    ) -> EntityStates:
        """Returns a copy for more entities; those with new indices are newbies.

        Args:
          model, side: as for `like`.
          entities: their number.
          moved: int32[E + 1], the new index of each entity, 0 included; by default the old one.
        """
        larger = EntityStates.like(model, side, entities)
        if moved is None or np.array_equal(moved, np.arange(len(moved))):
            for target, source in zip(larger.by_entity, self.by_entity, strict=True):
                target.assign(tf.concat([source, target[source.shape[0] :]], axis=0))
            entity = self.pending_entity.numpy()
        else:
            for target, source in zip(larger.by_entity, self.by_entity, strict=True):
                whole = target.numpy()
                whole[moved] = source.numpy()
                target.assign(whole)
            entity = moved[self.pending_entity.numpy()].astype(np.int64)
        order = np.argsort(entity)
        larger.pending_entity.assign(entity[order])
        for target, source in zip(larger.pending, self.pending, strict=True):
            target.assign(source.numpy()[order])
        return larger

    def of_first(self, model: RRN, side: Side, entities: int) -> EntityStates:
        """Returns a copy of the states of the first entities; none of the others may have a pending second."""
        fewer = EntityStates.like(model, side, entities)
        for target, source in zip(fewer.by_entity, self.by_entity, strict=True):
            target.assign(source[: entities + 1])
        for target, source in zip(fewer.of_pending_seconds, self.of_pending_seconds, strict=True):
            target.assign(source)
        return fewer

    def extrapolate(self, model: RRN, side: Side, entity: tf.Tensor, wallclock: tf.Tensor) -> tf.Tensor:
        """Projects states at a later time: one more step from the last state, with the last step's ratings as input.

        Args:
          model: provides the cell and the projection.
          side: the side of these states.
          entity: int[N]; 0 for an unknown entity.
          wallclock: float32[N], scaled wallclock of the query's step.

        Returns:
          float32[N, dynamic], projected states.
        """
        rows = [tf.gather(part, entity) for part in self.state]
        context = tf.gather(self.last_context, entity)
        context = tf.stack([context[:, 0], wallclock, context[:, 1]], axis=1)
        encoder = model.encoder(side)
        inputs = encoder.embed_sums(tf.gather(self.last_sums, entity)) + encoder.embed_context(context)
        output, _ = model.tower(side).step(inputs, rows)
        return model.projection(side)(output)


def variables_by_entity(states: Any) -> list[tf.Variable]:
    """Lists the variables of `EntityStates.by_entity`, of `EntityStates` or of the object TensorFlow loads for it."""
    last = (states.last_step, states.last_times, states.last_sums, states.last_context)
    return [*states.state, *last, *states.believed]


def variables_of_pending_seconds(states: Any) -> list[tf.Variable]:
    """Lists the variables of `EntityStates.of_pending_seconds`; `states` as in `variables_by_entity`."""
    if hasattr(states, "open_entity"):  # their names in models of version 0.1
        return [states.open_entity, *states.opened]
    return [states.pending_entity, *states.pending]


def last_times(
    sequences: SideSequences,
    rows: npt.NDArray[np.int64],
    entity: npt.NDArray[np.int64],
    ratings: npt.NDArray[np.int64],
    slot: npt.NDArray[np.int32],
    before: PendingSteps | None,
) -> npt.NDArray[np.int64]:
    """Computes `EntityStates.last_times` int64[S, 4] of some entities.

    Args:
      sequences: the side's sequences.
      rows: int64[S], how many steps each of them has.
      entity: int64[S], the entities.
      ratings: int64[N], positions of their last steps' ratings, entity by entity.
      slot: int32[N], the index of each rating's entity among these.
      before: the pending steps that the sequences continue, of all entities.
    """
    first, splits = sequences.row_splits[entity], sequences.rating_splits
    total = splits[first + rows] - splits[first]
    time = sequences.times(ratings)
    if before:
        time = before.not_before(entity[slot], time)
    ends = np.cumsum(np.bincount(slot, minlength=len(entity)))
    begin, end = time[np.concatenate([[0], ends[:-1]])], time[ends - 1]
    at = np.bincount(slot[time == end[slot]], minlength=len(entity))
    if before:
        at += np.where(end == before.time[entity], before.at[entity], 0)
        total += before.before[entity] + before.at[entity]
    return np.stack([begin, end, total - at, at], axis=1)
