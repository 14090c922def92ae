"""Spans of time since training, for figures of how predictions age."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.evaluation.binned import equal_bins

_DAY = 86_400
MOST_SPANS = 8


def spans_since(
    timestamp: npt.NDArray[np.int64], cutoff: int, most: int = MOST_SPANS
) -> tuple[npt.NDArray[np.int64], pd.DataFrame]:
    """Divides later ratings or events into spans of about equally many, by how long after training they are.

    Args:
      timestamp: int64[N], unix seconds.
      cutoff: unix seconds of the end of training.
      most: largest number of spans.

    Returns:
      int64[N], the span of each; and a row for each span with `from day` and `to day`, the days since the cutoff of its
      first and last ones, and `middle day`, the mean. Ratings of one day are in one span.

    Example:
      >>> span, days = spans_since(np.array([86_400 * day for day in (0, 1, 2, 9)]), 0, 2)
      >>> span, days.to_numpy().tolist()
      (array([0, 0, 1, 1]), [[0.0, 1.0, 0.5], [2.0, 9.0, 5.5]])
    """
    days = (timestamp - cutoff) / _DAY
    span = equal_bins(np.floor(days), most)
    of = pd.Series(days).groupby(span).agg(["min", "max", "mean"]).reset_index(drop=True)
    return span, of.set_axis(["from day", "to day", "middle day"], axis=1)
