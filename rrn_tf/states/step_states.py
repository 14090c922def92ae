"""Projected states of every step of both sides, recomputed once after each phase and constant in between."""

from __future__ import annotations

import collections
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.data.arrays import Sums, concatenated_ranges
from rrn_tf.data.batches import BATCH_SPEC, BatchPlan, SequenceBatch, Shares
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.data.wallclock import wallclock_of
from rrn_tf.features import SIDES, Side
from rrn_tf.models.rrn import INNOVATIONS, RRN
from rrn_tf.states.division import Division, Peers
from rrn_tf.states.entity_states import EntityStates, last_times
from rrn_tf.states.factor_states import FactorStates
from rrn_tf.states.joint_propagation import JointPropagation, continued_rows

_CHUNK = 1 << 18


def _assign_in_parts(variable: tf.Variable, values: npt.NDArray[np.float32]) -> None:
    """Assigns all rows of a large variable, on each of its devices, without a second copy of it."""
    for local in getattr(variable, "values", (variable,)):
        for begin in range(0, len(values), _CHUNK):
            local[begin : begin + _CHUNK].assign(values[begin : begin + _CHUNK])


def _assign_rows(variable: tf.Variable, rows: npt.NDArray[np.int64], values: tf.Tensor) -> None:
    """Assigns some rows of a variable, which are all different, on each of its devices; threads may assign others."""
    for local in getattr(variable, "values", (variable,)):
        local.scatter_update(tf.IndexedSlices(values, rows))


def propagates_jointly(model: RRN, start: dict[Side, EntityStates] | None) -> bool:
    """Returns whether both sides are propagated together, level by level, instead of each alone in padded batches."""
    return model.inputs == INNOVATIONS or bool(start)


class StepStates:
    """The cached states of a model on a prepared data set.

    A step within the plan includes its entity's earlier steps; the state of any later step is extrapolated from the
    last planned one to its own time. So a plan of the training steps gives the frozen protocol, and one of all steps
    the streaming protocol. A rating is then the inner product of two steps' vectors.

    Of several workers each computes the states of its own entities, and all exchange the vectors, so that every worker
    has all of these, equal to the bit to what one would compute. So all workers must call `refresh`, `refresh_all` and
    the predictions in the same order. Where they divide the ratings too, each predicts its own users', and figures are
    computed from what `total` adds up. Where both sides are propagated together every worker computes all states.

    Args:
      model: the network.
      sequences: the data.
      plans: each side's batches; where both sides are propagated together (`propagates_jointly`), only their `rows`.
      start: per side, states of earlier ratings that the sequences continue; newbies by default.
      peers: the workers that compute the states together; by default this process does so alone.
      begun: states of the same entities' first steps, as of training ratings alone, refreshed with the same weights
        before these: where both sides are propagated together they are taken from there, to the bit.

    Attributes:
      vectors: per side, float32[R, dynamic] variable of projected states, indexed by step.
      entities: per side, the `EntityStates` after the last planned step. Of several workers each has but its own
        entities' states, until `end_division`.
      peers: the workers that compute the states together.
      start: per side, the states that the sequences continue; empty for newbies.
    """

    def __init__(
        self,
        model: RRN,
        sequences: RatingSequences,
        plans: dict[Side, BatchPlan],
        start: dict[Side, EntityStates] | None = None,
        peers: Peers | None = None,
        begun: StepStates | None = None,
    ) -> None:
        self.model = model
        self.sequences = sequences
        self.plans = plans
        self.vectors = {
            side: tf.Variable(
                tf.zeros([sequences.side(side).num_rows, model.emission.units]),
                trainable=False,
                name=f"{side.value}_rows",
            )
            for side in SIDES
        }
        totals = {side: sequences.metadata.entities(side).total for side in SIDES}
        self.start = {side: start[side].enlarged(model, side, totals[side]) for side in SIDES} if start else {}
        self.entities = {
            side: self.start[side].enlarged(model, side, totals[side])
            if start
            else EntityStates.like(model, side, totals[side])
            for side in SIDES
        }
        self._joint: JointPropagation | None = (
            JointPropagation(
                model,
                sequences,
                {side: plans[side].rows for side in SIDES},
                self.start,
                begun=begun._joint if begun else None,
            )
            if propagates_jointly(model, start)
            else None
        )
        self.peers = peers or Peers()
        self._divisions = (
            {side: Division(plans[side], sequences.side(side), self.peers) for side in SIDES}
            if self.peers.count > 1 and not self._joint
            else {}
        )
        if sequences.divided and (self._joint or model.bayesian_factors):
            raise ValueError("innovations and Bayesian factors need all ratings, and this worker has its own entities'")
        streams = any((plans[side].rows > sequences.side(side).training_rows).any() for side in SIDES)
        self._factors = FactorStates(model, sequences, streams) if model.bayesian_factors else None
        self._roll = {side: self._make_roll(side) for side in SIDES}
        self._extrapolate = {side: self._make_extrapolate(side) for side in SIDES}

    def refresh(self, side: Side) -> None:
        """Recomputes the states that depend on a side's weights: those of its steps and entities.

        With innovations as inputs, those of the other side depend on them as well.
        """
        if self._joint:
            self.refresh_all()
        else:
            self._finish(side, self._rolled(side))

    def refresh_all(self) -> None:
        """Recomputes the states of both sides' steps and entities with the model's present weights."""
        if self._joint:
            self._joint.run()
            for side in SIDES:
                _assign_in_parts(self.vectors[side], self._joint.vectors(side))
            for side in SIDES:
                self._finish(side, self._joint.state(side))
        else:
            for side in SIDES:
                self.refresh(side)
        if self._factors and not self._factors.followed:
            self.follow_factors()

    def follow_factors(self) -> None:
        """Recomputes the Bayesian factors' predictions; needed only after these have changed, not during training."""
        if self._factors:
            left = self._factors.follow({side: self.start[side].beliefs for side in SIDES} if self.start else None)
            for side in SIDES:
                self.entities[side].set_beliefs(left[side])

    def end_division(self) -> None:
        """Completes `entities` on every worker; from now on each worker is on its own.

        Where the workers divide the ratings, states cannot be refreshed any more.
        """
        for side, division in self._divisions.items():
            for variable in self.entities[side].rolled:
                whole = variable.numpy()
                division.exchange_states(whole)
                variable.assign(whole)
        self.peers, self._divisions = Peers(), {}

    def _rolled(self, side: Side) -> list[npt.NDArray[np.float32]]:
        """Stores this worker's projected states of the planned steps, and returns the states after the last ones."""
        if self.sequences.divided and not self._divisions:
            raise ValueError("states can no longer be refreshed: the workers, which divide the ratings, have parted")
        state = [part.numpy().copy() for part in self.entities[side].state]

        def roll(share: tuple[Shares, int]) -> None:
            shares, replica = share
            batch = shares[replica]
            rolled, final = self._roll[side](batch)
            rows = concatenated_ranges(batch.first_row, batch.length.astype(np.int64))
            _assign_rows(self.vectors[side], rows, rolled)
            for part, values in zip(state, final, strict=True):
                part[batch.entity] = values.numpy()

        # Batches hold different entities and are independent; a single recurrence keeps only one core busy. A thread
        # builds its own batches, so that there are only as many as threads.
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            of = self._divisions[side].shares if self._divisions else self.plans[side].every_share
            collections.deque(pool.map(roll, of), maxlen=0)
        return state

    def _finish(self, side: Side, state: list[npt.NDArray[np.float32]]) -> None:
        """Stores the states after the planned steps, extrapolates later ones, and exchanges all with the peers."""
        sequences, division = self.sequences.side(side), self._divisions.get(side)
        for variable, part in zip(self.entities[side].state, state, strict=True):
            variable.assign(part)
        self._set_last_step(side)

        wanted = sequences.place >= self.plans[side].rows[sequences.row_entity]
        if division:
            wanted &= division.own[sequences.row_entity]
        later = np.flatnonzero(wanted)
        wallclock = wallclock_of(sequences.step[later], self.sequences.metadata, side).astype(np.float32)
        for begin in range(0, len(later), _CHUNK):
            rows, time = later[begin : begin + _CHUNK], wallclock[begin : begin + _CHUNK]
            entity = sequences.row_entity[rows].astype(np.int64)
            if division:  # as in `JointPropagation`: what is left over by vector instructions is rounded otherwise
                entity, time = (np.resize(column, -(-len(rows) // 16) * 16) for column in (entity, time))
            _assign_rows(self.vectors[side], rows, self._extrapolate[side](entity, time)[: len(rows)])
        if division:
            vectors = self.vectors[side].numpy().copy()
            division.exchange_vectors(vectors)
            _assign_in_parts(self.vectors[side], vectors)

    def predict(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Predicts ratings by the weighted sum of all parts, clipped to the range of the training ratings.

        Args:
          positions: int64[N], positions of ratings on the user side.
        """
        rating = self.network_ratings(positions)
        if self._factors:
            weights = np.array(self.model.part_weights, np.float32)[self.users_moved(positions).astype(int)]
            rating = weights[:, 0] * rating + weights[:, 1] * self.factor_ratings(positions) + weights[:, 2]
        return np.clip(rating, self.sequences.metadata.rating_min, self.sequences.metadata.rating_max, out=rating)

    def factor_ratings(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Predicts by the Bayesian factors alone; arguments and result as for `network_ratings`."""
        if not self._factors:
            raise ValueError("expected a model with model.bayesian_factors above 0, found 0")
        return self._factors.ratings(positions)

    def users_moved(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Returns bool[N]: whether each rating's user had ratings between training and this rating."""
        return self._factors.moved(positions) if self._factors else np.zeros(len(positions), bool)

    def network_ratings(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Predicts ratings float32[N] at positions of the user side by states and stationary factors (Eq. 7)."""
        if self.peers.count == 1 or self.sequences.divided:
            return self._network_ratings(positions)
        rating = np.empty([len(positions), 1], np.float32)
        each = np.array_split(np.arange(len(positions)), self.peers.count)
        own = each[self.peers.number]
        rating[own, 0] = self._network_ratings(positions[own])
        self.peers.exchange(rating, each)
        return rating[:, 0]

    def total(self, sums: Sums) -> Sums:
        """Returns sums float64[n] over ratings at positions, by all workers where these divide the ratings."""
        return self.peers.sum(sums) if self.sequences.divided else sums

    def _network_ratings(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        data, trained = self.sequences.user, self.sequences.metadata
        places = [
            (of, self.vectors[of], self.model.factors(of).table.numpy(), row, entity)
            for of, row, entity in (
                (Side.USER, data.row_of, data.entity_of),
                (Side.ITEM, data.opposite_row.__getitem__, data.opposite.__getitem__),
            )
        ]
        rating = np.empty(len(positions), np.float32)
        for begin in range(0, len(positions), _CHUNK):
            part, vectors = positions[begin : begin + _CHUNK], []
            for of, moving, factors, row, entity in places:
                index = entity(part)
                index = trained.entities(of).known(index)
                known = (index > 0)[:, np.newaxis]
                vectors.append(np.concatenate([tf.gather(moving, row(part)).numpy(), known * factors[index]], axis=1))
            rating[begin : begin + _CHUNK] = np.einsum("nd,nd->n", *vectors)
        return rating

    def _set_last_step(self, side: Side) -> None:
        """Stores each entity's last planned step and the sums of its ratings, the input of the next step."""
        sequences, entities, rows = self.sequences.side(side), self.entities[side], self.plans[side].rows
        division = self._divisions.get(side)
        seen = np.flatnonzero((rows > 0) & division.own if division else rows)
        if not len(seen):  # a worker may have none
            return
        last = sequences.row_splits[seen] + rows[seen] - 1
        counts = np.diff(sequences.rating_splits)[last]
        ratings = concatenated_ranges(sequences.rating_splits[last], counts)
        slot = np.repeat(np.arange(len(seen)), counts).astype(np.int32)
        pending = self.start[side].pending_steps if self.start else None
        times, before = last_times(sequences, rows[seen], seen, ratings, slot, pending), None
        if pending:
            continued = continued_rows(self.sequences, side, self.start[side])[last]
            before = self.start[side].last_sums.numpy()[seen] * continued[:, np.newaxis].astype(np.float32)
            times[continued, 0] = pending.begin[seen[continued]]
        sums = self._input_sums(side, np.repeat(seen, counts), ratings, slot, len(seen), before)
        sums = sums.numpy().astype(np.float32)
        wallclock = wallclock_of(sequences.step[last], self.sequences.metadata, side)
        for variable, values in (
            (entities.last_step, sequences.step[last]),
            (entities.last_times, times),
            (entities.last_sums, sums),
            (entities.last_context, np.stack([np.zeros(len(seen)), wallclock], axis=1)),
        ):
            whole = variable.numpy()
            whole[seen] = values
            variable.assign(whole)

    def _input_sums(
        self,
        side: Side,
        own: npt.NDArray[np.int64],
        ratings: npt.NDArray[np.int64],
        slot: npt.NDArray[np.int32],
        num_slots: int,
        before: npt.NDArray[np.float32] | None,
    ) -> tf.Tensor:
        """Adds ratings at positions of a side, as inputs of the given slots, to sums float32[num_slots, sum_units]."""
        sequences, metadata = self.sequences.side(side), self.sequences.metadata
        opposite = sequences.opposite[ratings]
        opposite = metadata.entities(side.opposite).known(opposite)
        own = metadata.entities(side).known(own)
        vector = tf.gather(self.vectors[side.opposite], sequences.opposite_row[ratings])
        return self.model.input_sums(side, sequences.rating[ratings], own, opposite, vector, slot, num_slots, before)

    def _make_roll(self, side: Side) -> tf.types.experimental.PolymorphicFunction:
        @tf.function(input_signature=[BATCH_SPEC], autograph=False)
        def roll(batch: SequenceBatch) -> tuple[tf.Tensor, list[tf.Tensor]]:
            encoder, context = self.model.encoder(side), batch.context
            shape = tf.shape(context)
            rows = tf.gather(encoder.embedding, batch.distinct)
            embedded = encoder.embed_rows(rows, batch.position, batch.rating, batch.input_slot, shape[0] * shape[1])
            states, final = self.model.roll(side, embedded, context, batch.length)
            real = tf.sequence_mask(batch.length, shape[1])
            return self.model.projection(side)(tf.boolean_mask(states, real)), final

        return roll

    def _make_extrapolate(self, side: Side) -> tf.types.experimental.PolymorphicFunction:
        @tf.function(
            input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([None], tf.float32)], autograph=False
        )
        def extrapolate(entity: tf.Tensor, wallclock: tf.Tensor) -> tf.Tensor:
            return self.entities[side].extrapolate(self.model, side, entity, wallclock)

        return extrapolate
