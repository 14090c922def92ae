"""Valid rows that are probably mistakes: times in the future, and ratings of another scale than that of training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rrn_tf.data.metadata import SequenceMetadata
from rrn_tf.times import utc_text


def in_future(timestamp: npt.NDArray[np.int64], now: float) -> int:
    """Counts the times after `now`, in unix seconds."""
    return int((timestamp > now).sum())


def lines_of_future(timestamp: npt.NDArray[np.int64], now: float, *, rated: bool) -> list[str]:
    """Returns a line about rows in the future; empty without any.

    Args:
      timestamp: int64[N], unix seconds.
      now: the present, in unix seconds.
      rated: whether the rows are ratings, not events.
    """
    if not (count := in_future(timestamp, now)):
        return []
    after = "the default time of recommendations is not moved by them" if rated else "their users' next items are later"
    latest = utc_text(int(timestamp.max()))
    return [f"{count:,} of {len(timestamp):,} rows lie in the future, the latest at {latest}: taken in, but {after}"]


def lines_of_scale(rating: npt.NDArray[np.float32], metadata: SequenceMetadata) -> list[str]:
    """Returns a line about ratings outside of the range of the training ratings; empty without any.

    Args:
      rating: float32[N].
      metadata: metadata of the training data.
    """
    low, high = np.float32(metadata.rating_min), np.float32(metadata.rating_max)
    outside = rating[(rating < low) | (rating > high)]
    if not len(outside):
        return []
    found = " and ".join(f"{value:g}" for value in dict.fromkeys((float(outside.min()), float(outside.max()))))
    many = f"{len(outside):,} of {len(rating):,} ratings"
    return [f"{many} lie outside of {low:g} to {high:g}, the scale of training, such as {found}: is it the same scale?"]
