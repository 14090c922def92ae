"""Builds event sequences, one batch or one shard at a time; events are passed on as numpy columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam import pvalue

from rrn_tf import features
from rrn_tf.beam.encoding.sequence_examples import encode_events
from rrn_tf.beam.encoding.tfrecords import write_tfrecords
from rrn_tf.beam.sequences.shards import BUILDING, by_shard, indices_of
from rrn_tf.beam.sequences.vocabularies import IdCounts, count_ids
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.data.arrays import concatenate_rows, take_rows
from rrn_tf.data.event_rules import CodedEvents, Dropped, SplitEvents, split_by_source, split_diverse_users
from rrn_tf.data.prepared import sequence_file
from rrn_tf.data.reading import record_batches
from rrn_tf.features import Side, Split
from rrn_tf.slow_work import add

Int32 = npt.NDArray[np.int32]
SUMMARIES = "summaries"
EVENTS, LATER = "events", "later"


class ShardSummary(NamedTuple):
    """The users and items that a shard adds to the vocabularies.

    Attributes:
      users: int32[U], indices of its remaining users.
      items: int32[M], indices of the items of their training events.
      dropped: counts that each rule on its users dropped.
    """

    users: Int32
    items: Int32
    dropped: dict[str, Dropped]


class EventVocabularies(NamedTuple):
    """The vocabularies of the written files, after all rules.

    Attributes:
      users, items: string, sorted ids; an id's position, from 1, is its index.
      user_index, item_index: int32, the new index by the index before the last rules, 0 for dropped ids.
      dropped: counts that each rule on the users of all shards dropped.
    """

    users: pa.Array
    items: pa.Array
    user_index: Int32
    item_index: Int32
    dropped: dict[str, Dropped]


class ShardCounts(NamedTuple):
    """Number of a shard's events by `Split` code, and of held-out events dropped since their item is untrained."""

    by_split: tuple[int, ...]
    untrained: int


def count_items(batch: pa.RecordBatch) -> IdCounts:
    """Counts the events of each item of a batch."""
    return count_ids(batch, features.ITEM_ID, np.ones(batch.num_rows, bool))


def count_users(batch: pa.RecordBatch, items: IdCounts) -> IdCounts:
    """Counts the events with known items of each user of a batch."""
    return count_ids(batch, features.USER_ID, indices_of(batch, features.ITEM_ID, items) > 0)


def count_all_users(batch: pa.RecordBatch) -> IdCounts:
    """Counts the events of each user of a batch."""
    return count_ids(batch, features.USER_ID, np.ones(batch.num_rows, bool))


def code_events(
    batch: pa.RecordBatch, shards: int, users: IdCounts, items: IdCounts, *, unknown_items: bool = False
) -> Iterator[tuple[int, CodedEvents]]:
    """Replaces ids by indices in the events of known users with known items, and yields them by user shard.

    Args:
      batch: events.
      shards: number of shards.
      users, items: the known users and items.
      unknown_items: whether to keep events with unknown items, with item index 0.
    """
    coded = CodedEvents(
        indices_of(batch, features.USER_ID, users),
        indices_of(batch, features.ITEM_ID, items),
        record_batches.numbers(batch, features.TIMESTAMP),
        record_batches.numbers(batch, features.POSITION),
    )
    coded = take_rows(coded, (coded.user > 0) & (unknown_items | (coded.item > 0)))
    for shard, rows in by_shard(coded.user, len(users.ids), shards):
        yield shard, take_rows(coded, rows)


class SplitUsers(beam.DoFn):
    """Applies the rules on users to a shard, splits the remaining events, and also yields a summary.

    An element has the shard's events under `EVENTS` and, if validation events are separate, those under `LATER`.
    """

    def __init__(self, config: EventDataConfig) -> None:
        self._config = config

    def process(self, element: tuple[int, dict[str, Iterable[CodedEvents]]]) -> Iterator[Any]:
        add(BUILDING, of=2)  # this shard, and its file
        shard, parts = element
        events, dropped = (
            split_by_source(
                concatenate_rows(list(parts[EVENTS])),
                concatenate_rows([CodedEvents.empty(), *parts[LATER]]),
                self._config,
            )
            if LATER in parts
            else split_diverse_users(concatenate_rows(list(parts[EVENTS])), self._config)
        )
        trained = _distinct(events.item[events.split == Split.TRAIN])
        yield pvalue.TaggedOutput(SUMMARIES, ShardSummary(_distinct(events.user), trained, dropped))
        yield shard, events
        add(BUILDING, done=1)


def vocabularies(users: IdCounts, items: IdCounts, summaries: list[ShardSummary]) -> EventVocabularies:
    """Indexes the users and items that remain after all rules.

    Args:
      users, items: users and items with enough events.
      summaries: summaries of all shards.
    """
    left = _distinct(np.concatenate([summary.users for summary in summaries]))
    trained = _distinct(np.concatenate([summary.items for summary in summaries]))
    return EventVocabularies(
        users.ids.take(pa.array(left - 1)),
        items.ids.take(pa.array(trained - 1)),
        _places(left, len(users.ids)),
        _places(trained, len(items.ids)),
        added_up([summary.dropped for summary in summaries]),
    )


def added_up(parts: list[dict[str, Dropped]]) -> dict[str, Dropped]:
    """Sums the dropped counts of all parts by rule, for the rules of the first part."""
    return {rule: Dropped(*(sum(column) for column in zip(*(part[rule] for part in parts)))) for rule in parts[0]}


def _distinct(index: Int32) -> Int32:
    return np.flatnonzero(np.bincount(index)).astype(np.int32)


def _places(chosen: Int32, total: int) -> Int32:
    place = np.zeros(total + 1, np.int32)
    place[chosen] = np.arange(1, len(chosen) + 1)
    return place


def write_shard(
    element: tuple[int, SplitEvents], directory: str, shards: int, vocabularies: EventVocabularies
) -> ShardCounts:
    """Writes a shard's file without held-out events of items that have no training event."""
    shard, events = element
    final = events._replace(user=vocabularies.user_index[events.user], item=vocabularies.item_index[events.item])
    final = take_rows(final, final.item > 0)
    path = f"{directory}/{sequence_file(Side.USER, shard, shards)}"
    write_tfrecords(path, encode_events(final, vocabularies.users))
    add(BUILDING, done=1)
    counts = np.bincount(final.split, minlength=len(Split))
    return ShardCounts(tuple(counts.tolist()), len(events.item) - len(final.item))
