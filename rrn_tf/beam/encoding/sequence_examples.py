"""Encodes the sorted ratings or events of each entity as a serialized `tf.train.SequenceExample`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rrn_tf import features
from rrn_tf.beam.encoding import protobuf_wire
from rrn_tf.data.arrays import take_rows
from rrn_tf.data.event_rules import SplitEvents
from rrn_tf.data.rows import SideRatings, row_starts, segment_starts
from rrn_tf.data.steps import StepRule
from rrn_tf.data.wallclock import step_of

_CHUNK = 200_000  # ratings that are encoded at once, so that working arrays take tens of megabytes


def encode_sequences(
    ratings: SideRatings, opposite_row: npt.NDArray[np.int32], vocabulary: pa.Array, cutoff: int, rule: StepRule
) -> Iterator[bytes]:
    """Encodes sequences in the format that `rrn_tf.features` defines.

    Args:
      ratings: all ratings of some entities, sorted by (entity, timestamp, opposite).
      opposite_row: int32[N], for each rating the step of its opposite entity that may predict it.
      vocabulary: string[entities], ids by index (from 1).
      cutoff: unix seconds.
      rule: the rule that groups ratings into steps.

    Yields:
      Serialized `SequenceExample`s, in order of the entities.
    """
    for part in _chunks(ratings.entity):
        yield from _encode(ratings.take(part), opposite_row[part], vocabulary, cutoff, rule)


def encode_events(events: SplitEvents, vocabulary: pa.Array) -> Iterator[bytes]:
    """Encodes the events of users.

    Args:
      events: all events of some users, sorted by user and time.
      vocabulary: string[users], ids by index (from 1).

    Yields:
      Serialized `SequenceExample`s, in order of the users.
    """
    for rows in _chunks(events.user):
        part = take_rows(events, rows)
        users = segment_starts(part.user)
        splits = np.append(users, len(part.user))
        lists: dict[str, npt.NDArray[np.integer]] = {
            features.OPPOSITE_INDEX: part.item,
            features.TIMESTAMP: part.timestamp,
            features.SPLIT: part.split,
        }
        messages = protobuf_wire.sequence_example(
            _context(part.user[users], vocabulary),
            {
                name: protobuf_wire.feature_list(protobuf_wire.INT64_LIST, protobuf_wire.varints(column), splits)
                for name, column in lists.items()
            },
        )
        for message in messages:
            yield message.as_py()


def _chunks(entity: npt.NDArray[np.int32]) -> Iterator[slice]:
    """Yields slices of whole entities: a chunk starts at the first entity in each range of `_CHUNK` ratings."""
    entities = segment_starts(entity)
    borders = np.append(entities[segment_starts(entities // _CHUNK)], len(entity))
    for start, end in itertools.pairwise(borders):
        yield slice(start, end)


def _context(index: npt.NDArray[np.int32], vocabulary: pa.Array) -> dict[str, pa.Array]:
    return {
        features.ENTITY_ID: protobuf_wire.feature(
            protobuf_wire.BYTES_LIST, protobuf_wire.strings(vocabulary.take(pa.array(index - 1)))
        ),
        features.ENTITY_INDEX: protobuf_wire.feature(protobuf_wire.INT64_LIST, protobuf_wire.varints(index)),
    }


def _encode(
    ratings: SideRatings, opposite_row: npt.NDArray[np.int32], vocabulary: pa.Array, cutoff: int, rule: StepRule
) -> Iterator[bytes]:
    rows = row_starts(ratings.entity, ratings.timestamp, cutoff, rule)
    rating_splits = np.append(rows, len(ratings.entity))
    step = step_of(ratings.timestamp[rows], cutoff, rule.granularity)
    entities = segment_starts(ratings.entity[rows])
    row_splits = np.append(entities, len(rows))
    index = ratings.entity[rows][entities]

    def integers(values: npt.NDArray[np.integer]) -> pa.Array:
        return protobuf_wire.feature_list(
            protobuf_wire.INT64_LIST, protobuf_wire.merge(protobuf_wire.varints(values), rating_splits), row_splits
        )

    messages = protobuf_wire.sequence_example(
        _context(index, vocabulary),
        {
            features.STEP: protobuf_wire.feature_list(
                protobuf_wire.INT64_LIST, protobuf_wire.varints(step), row_splits
            ),
            features.OPPOSITE_INDEX: integers(ratings.opposite),
            features.OPPOSITE_ROW: integers(opposite_row),
            features.RATING: protobuf_wire.feature_list(
                protobuf_wire.FLOAT_LIST,
                protobuf_wire.merge(protobuf_wire.floats(ratings.rating), rating_splits),
                row_splits,
            ),
            features.TIMESTAMP: integers(ratings.timestamp),
            features.SPLIT: integers(ratings.split),
        },
    )
    for message in messages:
        yield message.as_py()
