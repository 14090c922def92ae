"""The contents of a saved RRN, which training and updates hand to the exporter, and loading restores."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.metadata import SequenceMetadata
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.features import SIDES, Side
from rrn_tf.models.rrn import RRN
from rrn_tf.states.entity_states import EntityStates
from rrn_tf.states.step_states import StepStates

Metrics = dict[str, dict[str, dict[str, float]]]


class RatedItems(NamedTuple):
    """Items that users rated in some span of time.

    Attributes:
      splits: int64[U + 2], where the items of each user (0 included) begin and end.
      items: int[N], item indices.
    """

    splits: npt.NDArray[np.int64]
    items: npt.NDArray[np.integer]


class HeldOutRatings(NamedTuple):
    """Items that H users rated in the validation and test ratings, which the states do not include.

    Recommendations leave them out as they do all rated items. Users and items need not have training ratings.

    Attributes:
      user_ids: object[H], ids of the users.
      splits: int64[H + 1], where the items of each user begin and end.
      items: int64[N], places of the items in `item_ids`, from 0.
      item_ids: object[J], ids of the items.
    """

    user_ids: npt.NDArray[np.object_]
    splits: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    item_ids: npt.NDArray[np.object_]

    @classmethod
    def of(
        cls, sequences: RatingSequences, user: npt.NDArray[np.integer], item: npt.NDArray[np.int32]
    ) -> HeldOutRatings:
        """Creates an instance from the indices of N ratings' users, in order, and items."""
        users, counts = np.unique(user, return_counts=True)
        items, place = np.unique(item, return_inverse=True)
        splits = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(sequences.user_ids[users - 1], splits, place.astype(np.int64), sequences.item_ids[items - 1])

    @classmethod
    def none(cls) -> HeldOutRatings:
        """Returns an instance without ratings."""
        return cls(np.empty(0, object), np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0, object))


class LaterRatings(NamedTuple):
    """The ratings since the training cutoff that the states include, by user, item and time.

    Attributes:
      user, item: int32[N], indices.
      timestamp: int64[N], unix seconds.
    """

    user: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    timestamp: npt.NDArray[np.int64]

    @classmethod
    def none(cls) -> LaterRatings:
        """Returns an instance without ratings."""
        return cls(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int64))


class RRNSnapshot(NamedTuple):
    """A network with its states, and the data that recommendations and further updates need.

    Attributes:
      model: the network.
      states: per side, the states after the last rating that they include.
      metadata: metadata of the training data.
      ids: per side, object[E], ids of all entities with a state, in order of their indices (from 1): those with
        training ratings first.
      rated: items that users rated before the cutoff.
      later: the ratings since the cutoff that the states include.
      until: unix seconds after all of those ratings that were not in the future when they were taken in.
      since: unix seconds of the first training rating.
      metrics: ``{split: {protocol: {"rmse", "mae", "n"}}}``, as measured in training.
      held_out: the validation and test ratings.
    """

    model: RRN
    states: dict[Side, EntityStates]
    metadata: SequenceMetadata
    ids: dict[Side, npt.NDArray[np.object_]]
    rated: RatedItems
    later: LaterRatings
    until: int
    since: int
    metrics: Metrics
    held_out: HeldOutRatings = HeldOutRatings.none()

    @classmethod
    def at_cutoff(cls, trained_states: StepStates, metrics: Metrics) -> RRNSnapshot:
        """Creates the snapshot of a trained network at its cutoff.

        Args:
          trained_states: states of the training ratings, refreshed with the network's weights.
          metrics: as measured in training.
        """
        model, sequences = trained_states.model, trained_states.sequences
        metadata = sequences.metadata
        states, ids = {}, {}
        for side in SIDES:
            trained = metadata.entities(side).trained
            states[side] = trained_states.entities[side].of_first(model, side, trained)
            ids[side] = sequences.ids(side)[:trained]
        user = sequences.user
        rows_inside = (user.row_entity <= metadata.users.trained) & (user.step < 0)
        each = np.diff(user.rating_splits)
        inside = np.repeat(rows_inside, each)
        # Sums of counts below 2**53 are exact as float64 weights.
        counts = np.bincount(user.row_entity[rows_inside], each[rows_inside], metadata.users.trained + 1)
        counts, outside = counts.astype(np.int64), np.flatnonzero(~inside)
        rated = RatedItems(np.concatenate([[0], np.cumsum(counts)]), user.opposite[inside])
        return cls(
            model,
            states,
            metadata,
            ids,
            rated,
            LaterRatings.none(),
            until=metadata.cutoff,
            since=user.earliest(metadata.cutoff),
            metrics=metrics,
            held_out=HeldOutRatings.of(sequences, user.entity_of(outside), user.opposite[outside]),
        )

    def rated_items(self) -> tuple[RatedItems, RatedItems]:
        """Returns the items that users rated before the cutoff, and those of the later ratings, for all users."""
        users = len(self.ids[Side.USER])
        splits = np.pad(self.rated.splits, (0, users + 2 - len(self.rated.splits)), mode="edge")
        later = np.searchsorted(self.later.user, np.arange(users + 2))
        return RatedItems(splits, self.rated.items), RatedItems(later, self.later.item.astype(np.int64))
