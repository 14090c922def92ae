"""Encodes each rating, with the columns that evaluation slices by, or each event as a serialized `tf.Example`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rrn_tf import features
from rrn_tf.beam.encoding import protobuf_wire
from rrn_tf.data.reading import record_batches


def to_examples(batch: pa.RecordBatch) -> Iterator[bytes]:
    """Encodes a batch of split ratings.

    Args:
      batch: ratings with user_id, item_id, rating, timestamp and, from `SplitByTime`, `user_activity`.

    Yields:
      Serialized `Example`s of user_id, item_id, rating, timestamp, month and user_activity (a bucket's name).
    """
    timestamp = record_batches.numbers(batch, features.TIMESTAMP)
    activity = record_batches.numbers(batch, features.USER_ACTIVITY)
    bounds = np.array([bound for bound, _ in features.ACTIVITY_BUCKETS])
    names = pa.array([name for _, name in features.ACTIVITY_BUCKETS])
    buckets = names.take(pa.array(np.searchsorted(bounds, activity, side="right") - 1))
    messages = protobuf_wire.example(
        {
            features.USER_ID: _texts(_ids(batch, features.USER_ID)),
            features.ITEM_ID: _texts(_ids(batch, features.ITEM_ID)),
            features.RATING: protobuf_wire.feature(
                protobuf_wire.FLOAT_LIST, protobuf_wire.floats(record_batches.numbers(batch, features.RATING))
            ),
            features.TIMESTAMP: protobuf_wire.feature(protobuf_wire.INT64_LIST, protobuf_wire.varints(timestamp)),
            features.MONTH: _texts(months(timestamp)),
            features.USER_ACTIVITY: _texts(buckets),
        }
    )
    for message in messages:
        yield message.as_py()


def event_examples(batch: pa.RecordBatch) -> Iterator[bytes]:
    """Encodes a batch of events.

    Args:
      batch: events from `ReadEvents`.

    Yields:
      Serialized `Example`s of user_id, item_id, timestamp and position.
    """
    numbers = {
        name: protobuf_wire.varints(record_batches.numbers(batch, name))
        for name in (features.TIMESTAMP, features.POSITION)
    }
    messages = protobuf_wire.example(
        {
            features.USER_ID: _texts(_ids(batch, features.USER_ID)),
            features.ITEM_ID: _texts(_ids(batch, features.ITEM_ID)),
            **{name: protobuf_wire.feature(protobuf_wire.INT64_LIST, values) for name, values in numbers.items()},
        }
    )
    for message in messages:
        yield message.as_py()


def months(timestamp: npt.NDArray[np.int64]) -> pa.Array:
    """Formats timestamps as months in UTC, such as ``2013-05``: string[N]."""
    number, place = np.unique(timestamp.astype("datetime64[s]").astype("datetime64[M]"), return_inverse=True)
    return pa.array(np.datetime_as_string(number).tolist(), pa.string()).take(pa.array(place))


def _ids(batch: pa.RecordBatch, name: str) -> pa.Array:
    codes, values = record_batches.ids(batch, name)
    return values.take(pa.array(codes))


def _texts(values: pa.Array) -> pa.Array:
    return protobuf_wire.feature(protobuf_wire.BYTES_LIST, protobuf_wire.strings(values))
