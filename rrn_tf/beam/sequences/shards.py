"""Builds sequences, one batch or one shard at a time; ratings are passed on as numpy columns.

User shards number the steps of users. Item shards number the steps of items, write the item sequences and send the
item step of each rating back to its user shard, which writes the user sequences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam import pvalue

from rrn_tf import features
from rrn_tf.beam.blocks import BlockStore, StoredBlock, loaded
from rrn_tf.beam.encoding.sequence_examples import encode_sequences
from rrn_tf.beam.encoding.tfrecords import write_tfrecords
from rrn_tf.beam.sequences.vocabularies import IdCounts
from rrn_tf.data.prepared import sequence_file
from rrn_tf.data.reading import record_batches
from rrn_tf.data.rows import SideRatings, number_rows
from rrn_tf.data.steps import StepRule
from rrn_tf.features import Side
from rrn_tf.slow_work import add

Int32 = npt.NDArray[np.int32]
BUILDING = "building sequences, in shards"
TO_ITEMS, TO_USERS, OWN_SIDE = "to_items", "to_users", "home"


class SeenRatings(NamedTuple):
    """Ratings that a user shard sends to an item shard.

    Attributes:
      ratings: N ratings with the item as the entity.
      user_row: int32[N], step of each rating's user.
      position: int32[N], position of each rating in its user shard.
    """

    ratings: SideRatings
    user_row: Int32
    position: Int32


class SideFiles(NamedTuple):
    """The files of a side's sequences, and the rule of their steps.

    Attributes:
      side: side of the sequences.
      directory: folder of the files.
      shards: number of files.
      rule: the rule that groups ratings into steps.
    """

    side: Side
    directory: str
    shards: int
    rule: StepRule

    def write(self, shard: int, ratings: SideRatings, opposite_row: Int32, vocabulary: IdCounts, cutoff: int) -> str:
        """Writes one shard of sorted ratings and returns the file's path."""
        path = f"{self.directory}/{sequence_file(self.side, shard, self.shards)}"
        write_tfrecords(path, encode_sequences(ratings, opposite_row, vocabulary.ids, cutoff, self.rule))
        return path


def code_batch(
    batch: pa.RecordBatch, shards: int, users: IdCounts, items: IdCounts
) -> Iterator[tuple[int, SideRatings]]:
    """Replaces ids by indices in the ratings of a batch, and yields them by user shard."""
    coded = SideRatings(
        indices_of(batch, features.USER_ID, users),
        indices_of(batch, features.ITEM_ID, items),
        record_batches.numbers(batch, features.RATING),
        record_batches.numbers(batch, features.TIMESTAMP),
        record_batches.numbers(batch, features.SPLIT).astype(np.uint8, copy=False),
    )
    for shard, rows in by_shard(coded.entity, len(users.ids), shards):
        yield shard, coded.take(rows)


class NumberUserRows(beam.DoFn):
    """Sorts the ratings of a user shard, numbers user steps, and sends the ratings with them to the item shards."""

    def __init__(self, shards: int, rule: StepRule, store: BlockStore) -> None:
        self._shards = shards
        self._rule = rule
        self._store = store

    def process(
        self, element: tuple[int, Iterable[SideRatings | StoredBlock]], cutoff: int, items: IdCounts
    ) -> Iterator[Any]:
        add(BUILDING, of=3)  # this shard, its file, and a file of items
        shard, parts = element
        ratings = SideRatings.concatenate([SideRatings.empty(), *map(loaded, parts)])
        order, row = number_rows(ratings, cutoff, self._rule)
        ratings = ratings.take(order)
        yield shard, self._store.keep(ratings)
        seen_by_items = ratings.mirrored()
        for item_shard, rows in by_shard(seen_by_items.entity, len(items.ids), self._shards):
            sent = SeenRatings(seen_by_items.take(rows), row[rows], rows.astype(np.int32))
            yield pvalue.TaggedOutput(TO_ITEMS, (item_shard, self._store.keep(sent)))
        add(BUILDING, done=1)


class WriteItems(beam.DoFn):
    """Writes an item shard and sends item steps back to the user shards; the main output is the file's path."""

    def __init__(self, files: SideFiles, store: BlockStore) -> None:
        self._files = files
        self._store = store

    def process(
        self, element: tuple[int, Iterable[SeenRatings | StoredBlock]], cutoff: int, items: IdCounts, users: IdCounts
    ) -> Iterator[Any]:
        shard, parts = element
        arrived = [SeenRatings(SideRatings.empty(), np.empty(0, np.int32), np.empty(0, np.int32))]
        arrived += map(loaded, parts)
        ratings = SideRatings.concatenate([part.ratings for part in arrived])
        order, item_row = number_rows(ratings, cutoff, self._files.rule)
        ratings = ratings.take(order)
        user_row = np.concatenate([part.user_row for part in arrived])[order]
        position = np.concatenate([part.position for part in arrived])[order]
        yield self._files.write(shard, ratings, user_row, items, cutoff)
        for user_shard, rows in by_shard(ratings.opposite, len(users.ids), self._files.shards):
            sent = self._store.keep((position[rows], item_row[rows]))
            yield pvalue.TaggedOutput(TO_USERS, (user_shard, sent))
        add(BUILDING, done=1)


class WriteUsers(beam.DoFn):
    """Writes a user shard from its own ratings and the item steps that item shards sent."""

    def __init__(self, files: SideFiles) -> None:
        self._files = files

    def process(self, element: tuple[int, dict[str, Any]], cutoff: int, users: IdCounts) -> Iterator[str]:
        shard, parts = element
        (ratings,) = map(loaded, parts[OWN_SIDE])
        item_row = np.empty(len(ratings.entity), np.int32)
        for position, row in map(loaded, parts[TO_USERS]):
            item_row[position] = row
        yield self._files.write(shard, ratings, item_row, users, cutoff)
        add(BUILDING, done=1)


def indices_of(batch: pa.RecordBatch, column: str, vocabulary: IdCounts) -> Int32:
    """Looks up the position, from 1, of each row's id in a vocabulary; 0 for unknown ids: int32[rows]."""
    codes, values = record_batches.ids(batch, column)
    return (vocabulary.places_of(values) + 1).astype(np.int32)[codes]


def by_shard(index: Int32, entities: int, shards: int) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Assigns indices (from 1) to shards by range; yields each shard that occurs and the positions of its indices."""
    shard = ((index.astype(np.int64) - 1) * shards // max(entities, 1)).astype(np.uint16)
    order = np.argsort(shard, kind="stable")  # a radix sort: 16 bits
    starts = np.searchsorted(shard[order], np.arange(shards + 1))
    for number in np.flatnonzero(np.diff(starts)).tolist():
        yield number, order[starts[number] : starts[number + 1]]
