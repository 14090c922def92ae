"""Rows that are probably mistakes are told of."""

from __future__ import annotations

import numpy as np

from rrn_tf.data.metadata import EntityCounts, SequenceMetadata
from rrn_tf.serving.doubtful_rows import in_future, lines_of_future, lines_of_scale

METADATA = SequenceMetadata(0, 1, 1, 0.0, 1.0, 3.0, 0.5, 4.9, EntityCounts(1, 1), EntityCounts(1, 1), {})


def test_rows_in_the_future_are_counted_with_the_latest_time() -> None:
    times = np.array([7, 8, 4_102_444_800])
    assert in_future(times, now=7.5) == 2
    (line,) = lines_of_future(times, 7.5, rated=True)
    assert line.startswith("2 of 3 rows lie in the future, the latest at 2100-01-01 00:00:00 UTC")
    assert not lines_of_future(times[:1], 7.5, rated=False)


def test_ratings_of_another_scale_are_told() -> None:
    assert not lines_of_scale(np.array([0.5, 4.9], np.float32), METADATA)
    (line,) = lines_of_scale(np.array([1, 50, 20], np.float32), METADATA)
    assert "2 of 3 ratings lie outside of 0.5 to 4.9, the scale of training, such as 20 and 50" in line
