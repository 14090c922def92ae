"""Counts, means and standard deviations of ratings, computed exactly, so that they do not depend on bundling."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rrn_tf import features
from rrn_tf.data.reading import record_batches
from rrn_tf.features import Split

_UNIT = 149  # every finite float32 is a multiple of 2**-149
_LOW_BITS = 19


class RatingStatistics(NamedTuple):
    """Sums over training ratings, and the number of ratings of each split.

    Attributes:
      by_split: number of ratings of each `Split`.
      rating_sum: sum of the ratings in units of 2**-149.
      rating_min, rating_max: smallest and largest rating; infinite if there are none.
      time_sum, time_square_sum: sums of the timestamps and of their squares.
      time_max: latest timestamp; -1 if there is none.
    """

    by_split: tuple[int, ...] = (0,) * len(Split)
    rating_sum: int = 0
    rating_min: float = math.inf
    rating_max: float = -math.inf
    time_sum: int = 0
    time_square_sum: int = 0
    time_max: int = -1

    @property
    def trained(self) -> int:
        """Number of training ratings."""
        return self.by_split[Split.TRAIN]

    @property
    def rating_mean(self) -> float:
        return float(Fraction(self.rating_sum, self.trained << _UNIT))

    @property
    def time_mean(self) -> float:
        return float(Fraction(self.time_sum, self.trained))

    @property
    def time_std(self) -> float:
        """Population standard deviation; 1 if all timestamps are equal, since it is used as a divisor."""
        variance = Fraction(self.trained * self.time_square_sum - self.time_sum**2, self.trained**2)
        return math.sqrt(variance) or 1.0


def rating_statistics(batch: pa.RecordBatch) -> RatingStatistics:
    """Computes the statistics of one batch that has a `split` column."""
    split = record_batches.numbers(batch, features.SPLIT)
    training = split == Split.TRAIN
    counts = tuple(np.bincount(split, minlength=len(Split)).tolist())
    if not training.any():
        return RatingStatistics(counts)
    rating = record_batches.numbers(batch, features.RATING)[training]
    time = record_batches.numbers(batch, features.TIMESTAMP)[training]
    high, low = time >> _LOW_BITS, time & ((1 << _LOW_BITS) - 1)
    # Each of the three sums fits 64 bits, while the sum of squares of large timestamps would not.
    squares = (int(high @ high) << 2 * _LOW_BITS) + (int(high @ low) << _LOW_BITS + 1) + int(low @ low)
    return RatingStatistics(
        counts,
        exact_sum(rating),
        float(rating.min()),
        float(rating.max()),
        int(time.sum()),
        squares,
        int(time.max()),
    )


def exact_sum(values: npt.NDArray[np.float32]) -> int:
    """Sums finite float32 numbers without rounding, in units of 2**-149.

    Args:
      values: float32[N], N below 2**28.
    """
    mantissa, exponent = np.frexp(values.astype(np.float64))
    # Each value is a 24-bit integer times a power of two, so that the sums per exponent are exact in float64.
    sums = np.bincount(exponent - exponent.min(), weights=mantissa * 2.0**24)
    place = int(exponent.min()) - 24 + _UNIT
    total = Fraction(0)
    for step, part in enumerate(sums.tolist()):
        total += Fraction(int(part)) * Fraction(2) ** (place + step)
    return int(total)


class CombineStatistics(beam.CombineFn):
    """Adds up `RatingStatistics`."""

    def create_accumulator(self) -> RatingStatistics:
        return RatingStatistics()

    def add_input(self, accumulator: RatingStatistics, element: RatingStatistics) -> RatingStatistics:
        return RatingStatistics(
            tuple(a + b for a, b in zip(accumulator.by_split, element.by_split, strict=True)),
            accumulator.rating_sum + element.rating_sum,
            min(accumulator.rating_min, element.rating_min),
            max(accumulator.rating_max, element.rating_max),
            accumulator.time_sum + element.time_sum,
            accumulator.time_square_sum + element.time_square_sum,
            max(accumulator.time_max, element.time_max),
        )

    def merge_accumulators(self, accumulators: Iterable[RatingStatistics]) -> RatingStatistics:
        total = self.create_accumulator()
        for accumulator in accumulators:
            total = self.add_input(total, accumulator)
        return total

    def extract_output(self, accumulator: RatingStatistics) -> RatingStatistics:
        return accumulator
