"""Cuts sequences into padded batches of similar size; sequences of similar length share a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.data.arrays import concatenated_ranges
from rrn_tf.data.metadata import EntityCounts, SequenceMetadata
from rrn_tf.data.sequences import SideSequences
from rrn_tf.data.wallclock import step_contexts


class SequenceBatch(NamedTuple):
    """B sequences of one side, padded to T steps, with their N ratings.

    Attributes:
      entity: int32[B].
      length: int32[B], number of real steps of each sequence.
      first_row: int64[B], index of the sequence's first step among all steps of the side.
      distinct: int32[U], the distinct entities on the other side that occur in the ratings; 0 replaces all without
        training ratings.
      distinct_count: float32[U], number of ratings of each of them.
      context: float32[B, T, 3], newbie flag, wallclock, previous wallclock (Eq. 5).
      slot: int32[N], step ``b * T + t`` to which each rating belongs.
      input_slot: int32[N], step to which the rating is an input: the next step of its entity,
        or -1 at the end of the sequence.
      position: int32[N], position of the rating's opposite entity in `distinct`.
      opposite_row: int32[N], index of the other side's step with the state that predicts the rating.
      rating: float32[N].
      total: float32[], number of ratings of the global batch, of which this may be one replica's share.
    """

    entity: Any
    length: Any
    first_row: Any
    distinct: Any
    distinct_count: Any
    context: Any
    slot: Any
    input_slot: Any
    position: Any
    opposite_row: Any
    rating: Any
    total: Any


BATCH_SPEC = SequenceBatch(
    entity=tf.TensorSpec([None], tf.int32),
    length=tf.TensorSpec([None], tf.int32),
    first_row=tf.TensorSpec([None], tf.int64),
    distinct=tf.TensorSpec([None], tf.int32),
    distinct_count=tf.TensorSpec([None], tf.float32),
    context=tf.TensorSpec([None, None, 3], tf.float32),
    slot=tf.TensorSpec([None], tf.int32),
    input_slot=tf.TensorSpec([None], tf.int32),
    position=tf.TensorSpec([None], tf.int32),
    opposite_row=tf.TensorSpec([None], tf.int32),
    rating=tf.TensorSpec([None], tf.float32),
    total=tf.TensorSpec([], tf.float32),
)


class Shares(Sequence[SequenceBatch]):
    """The shares of a global batch, one per replica, each built when it is asked for.

    Args:
      entities: int64[b] of each share.
      build: builds the share of some of these entities.
      kept: whether a share that was built is kept for the next epoch.
    """

    def __init__(
        self,
        entities: Sequence[npt.NDArray[np.int64]],
        build: Callable[[npt.NDArray[np.int64]], SequenceBatch],
        *,
        kept: bool,
    ) -> None:
        self._entities, self._build = entities, build
        self._kept: dict[int, SequenceBatch] | None = {} if kept else None

    def __len__(self) -> int:
        return len(self._entities)

    def entities(self, replica: int) -> npt.NDArray[np.int64]:
        """Returns the entities int64[b] of a share, without building it."""
        return self._entities[replica]

    @overload
    def __getitem__(self, replica: int) -> SequenceBatch: ...

    @overload
    def __getitem__(self, replica: slice) -> list[SequenceBatch]: ...

    def __getitem__(self, replica: int | slice) -> SequenceBatch | list[SequenceBatch]:
        if isinstance(replica, slice):
            return [self[one] for one in range(*replica.indices(len(self)))]
        if not 0 <= replica < len(self):
            raise IndexError(f"replica should be between 0 and {len(self) - 1}, received {replica}")
        if self._kept is not None and replica in self._kept:
            return self._kept[replica]
        share = self._build(self.entities(replica))
        if self._kept is not None:
            self._kept[replica] = share
        return share


@dataclass(frozen=True)
class BatchPlan:
    """Global batches of one side, each divided into one share per replica.

    The number of replicas affects only the division of a batch into shares, so any number of replicas takes the same
    training steps. A batch of fewer entities than replicas leaves some shares empty.

    Attributes:
      batches: shares of each batch; those of large data are built anew each time, since they take as much memory as
        the sequences themselves.
      rows: int64[E + 1], how many of each entity's steps, from its first, the batches hold.
      totals: int64[batches], number of ratings of each batch.
    """

    batches: Sequence[Shares]
    rows: npt.NDArray[np.int64]
    totals: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.batches)

    @property
    def num_ratings(self) -> int:
        return int(self.totals.sum())

    @property
    def every_share(self) -> list[tuple[Shares, int]]:
        """All shares, not yet built: each a batch and the number of a replica."""
        return [(batch, replica) for batch in self.batches for replica in range(len(batch))]

    def shares(
        self, order: npt.NDArray[np.int64] | None = None, replicas: slice = slice(None)
    ) -> Iterator[SequenceBatch]:
        """Yields shares of the batches in the given order, replica by replica; optionally those of some replicas."""
        for index in range(len(self.batches)) if order is None else order:
            yield from self.batches[index][replicas]

    def dataset(
        self, order: npt.NDArray[np.int64] | None = None, context: tf.distribute.InputContext | None = None
    ) -> tf.data.Dataset:
        """Returns `shares` as a dataset; consecutive elements belong to consecutive replicas.

        Args:
          order: order of the batches.
          context: context of a worker, to get its replicas' shares alone; by default all shares are returned.
        """
        replicas = slice(None)
        if context:
            each = context.num_replicas_in_sync // context.num_input_pipelines
            replicas = slice(context.input_pipeline_id * each, (context.input_pipeline_id + 1) * each)
        shares = partial(self.shares, order, replicas)
        return tf.data.Dataset.from_generator(shares, output_signature=BATCH_SPEC).prefetch(4)


_BATCHES, _FEWEST_ROWS, _MOST_ROWS = 40, 128, 8_192  # batches per epoch and bounds of their size, by default
_MOST_KEPT = 2_000_000  # ratings of a plan whose batches are kept, in some 60 MB
_DENSE = 4  # entities per rating up to which distinct ones are found by counting all, without sorting


def batch_budget(rows: int, rows_per_batch: int) -> int:
    """Returns the largest number of padded steps of a global batch.

    Args:
      rows: number of steps of a side that are cut into batches.
      rows_per_batch: see `plan_batches`.
    """
    return rows_per_batch or min(max(rows // _BATCHES, _FEWEST_ROWS), _MOST_ROWS)


def plan_batches(
    sequences: SideSequences,
    metadata: SequenceMetadata,
    rows_per_batch: int,
    replicas: int = 1,
    rows: npt.NDArray[np.int64] | None = None,
    *,
    by_owner: bool = False,
) -> BatchPlan:
    """Cuts the steps of a side into batches.

    Entities are sorted by length, so that a batch has little padding; a batch holds as many as fit into
    `rows_per_batch` padded steps, and at least one.

    Args:
      sequences: the side.
      metadata: for the wallclock.
      rows_per_batch: B x T of a global batch; 0 for a fortieth of all steps, between 128 and 8,192.
      replicas: number of shares of each batch.
      rows: int64[E + 1], how many of each entity's steps are used; its training steps by default.
      by_owner: whether a share holds the entities of one worker, among which the ratings are divided; by default a
        batch's entities are dealt out to its shares in turn.
    """
    length = sequences.training_rows if rows is None else rows
    others = metadata.entities(sequences.side.opposite)
    entities = np.flatnonzero(length)
    entities = entities[np.argsort(length[entities], kind="stable")]
    chosen = list(_cut(entities, length[entities], batch_budget(int(length.sum()), rows_per_batch)))
    first, splits = sequences.row_splits[:-1], sequences.all_rating_splits
    ratings = splits[first + length] - splits[first]
    totals = np.array([int(ratings[batch].sum()) for batch in chosen], np.int64)
    kept = totals.sum() <= _MOST_KEPT
    batches = []
    for batch, total in zip(chosen, totals.tolist(), strict=True):
        build = partial(_batch, sequences, metadata, length, others, total)
        owner = sequences.divided.owner[batch] if by_owner and sequences.divided else None
        of_each = [batch[of::replicas] if owner is None else batch[owner == of] for of in range(replicas)]
        batches.append(Shares(of_each, build, kept=kept))
    return BatchPlan(batches, length, totals)


def _cut(
    entities: npt.NDArray[np.int64], length: npt.NDArray[np.int64], budget: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Yields groups of consecutive entities, sorted by length, with a padded size within the budget."""
    end = len(entities)
    while end > 0:
        size = max(budget // int(length[end - 1]), 1)
        yield entities[max(0, end - size) : end]
        end -= size


def _batch(
    sequences: SideSequences,
    metadata: SequenceMetadata,
    lengths: npt.NDArray[np.int64],
    others: EntityCounts,
    total: int,
    entities: npt.NDArray[np.int64],
) -> SequenceBatch:
    length = lengths[entities]
    steps = int(length.max(initial=1))
    first = sequences.row_splits[entities]
    rows = concatenated_ranges(first, length)
    within = concatenated_ranges(np.zeros_like(length), length)
    position = np.repeat(np.arange(len(entities)) * steps, length) + within

    context = np.zeros((len(entities) * steps, 3), np.float32)
    context[position] = step_contexts(sequences, metadata, rows=rows)

    begin = sequences.rating_splits[rows]
    counts = sequences.rating_splits[rows + 1] - begin
    ratings = concatenated_ranges(begin, counts)
    last = within == np.repeat(length - 1, length)
    distinct, place, count = _distinct(others.known(sequences.opposite[ratings]), others.trained)
    return SequenceBatch(
        entity=entities.astype(np.int32),
        length=length.astype(np.int32),
        first_row=first,
        distinct=distinct,
        distinct_count=count.astype(np.float32),
        context=context.reshape(len(entities), steps, 3),
        slot=np.repeat(position, counts).astype(np.int32),
        input_slot=np.repeat(np.where(last, -1, position + 1), counts).astype(np.int32),
        position=place.astype(np.int32),
        opposite_row=sequences.opposite_row[ratings].astype(np.int32),
        rating=sequences.rating[ratings],
        total=np.float32(total),
    )


def _distinct(
    entity: npt.NDArray[np.int32], most: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.integer], npt.NDArray[np.integer]]:
    """Returns ``np.unique(entity, return_inverse=True, return_counts=True)`` of indices up to `most`."""
    if most > _DENSE * len(entity):
        return np.unique(entity, return_inverse=True, return_counts=True)
    counts = np.bincount(entity, minlength=most + 1)
    distinct = np.flatnonzero(counts)
    place = np.zeros(most + 1, np.int32)
    place[distinct] = np.arange(len(distinct))
    return distinct.astype(entity.dtype), place[entity], counts[distinct]
