"""Average predicted ratings by the age of items, relative to items that were there from the start."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.data.items import YEAR
from rrn_tf.evaluation.average_ratings import first_rated
from rrn_tf.evaluation.curves import Curve, Estimate, mean_curve
from rrn_tf.evaluation.experiments.calendar_curves import calendar_curve
from rrn_tf.evaluation.experiments.item_attributes import item_column
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.features import Side

DAY = 86_400
_OLD_FROM = 0.1  # of the time: what is first rated later than this is new
_BINS = 12
_FEWEST = 3  # items to be averaged


class ItemAges(NamedTuple):
    """Average predicted ratings by age of I items that were first rated well after the start of the training ratings.

    Attributes:
      positions: int64[I], positions among the items of the subject's average ratings.
      days: float64[A], the age at the middle of each bin.
      values: float64[I, A], each item's average rating less that of the old items at the same times.
      known: bool[I, A], which ages each item has reached.
      old: how many items were there from the start.
    """

    positions: npt.NDArray[np.int64]
    days: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    known: npt.NDArray[np.bool_]
    old: int

    def curve(self, chosen: npt.NDArray[np.bool_] | None = None) -> Curve:
        """Averages the items, or those chosen by bool[I]."""
        rows = slice(None) if chosen is None else chosen
        return mean_curve(self.values[rows], self.known[rows], _FEWEST)

    def ends(self, curve: Curve) -> Estimate:
        """The change from the first age to the last ones that enough items have reached, a quarter of all ages."""
        seen = np.flatnonzero(np.isfinite(curve.mean))
        first, last = np.zeros(len(self.days), bool), np.zeros(len(self.days), bool)
        first[seen[:1]] = True
        last[seen[1:][-max(1, len(seen) // 4) :]] = True
        return curve.change(first, last)


def item_ages(subject: RatingSubject) -> ItemAges:
    """Computes average ratings by age. An item's age is the time since its first rating.

    Where an item's year of release is known, it counts as new only if it was released in the year in which it was
    first rated, or the one before.
    """
    averages, cutoff = subject.averages, subject.sequences.metadata.cutoff
    start, first = averages.timestamps[0], first_rated(subject.sequences, Side.ITEM)[averages.items]
    new = first > start + _OLD_FROM * (cutoff - start)
    old = ~new
    attributes = subject.options.items
    if attributes is not None and YEAR in attributes and pd.api.types.is_numeric_dtype(attributes[YEAR]):
        years = item_column(attributes, YEAR, subject.sequences.item_ids[averages.items - 1])
        released = years.to_numpy(np.float64, na_value=np.nan)
        arrived = pd.to_datetime(first, unit="s").year.to_numpy()
        new &= ~(released < arrived - 1)
    # The times of the old items' curve are few: between them it is a straight line.
    baseline = calendar_curve(averages, first, old).mean if old.any() else np.nanmean(averages.of_items, axis=0)
    positions = np.flatnonzero(new)
    relative = averages.of_items[positions] - np.nan_to_num(baseline, nan=float(np.nanmean(baseline)))
    age = averages.timestamps - first[positions][:, np.newaxis]
    width = max((cutoff - start) * (1 - _OLD_FROM) / _BINS, DAY)
    place = np.floor(age / width).astype(np.int64)
    cell = np.arange(len(positions))[:, np.newaxis] * _BINS + place
    inside = (place >= 0) & (place < _BINS)
    count, total = (
        np.bincount(cell[inside], weights, len(positions) * _BINS).reshape(-1, _BINS)
        for weights in (None, relative[inside])
    )
    values = np.divide(total, count, out=np.zeros(total.shape), where=count > 0)
    return ItemAges(positions, (np.arange(_BINS) + 0.5) * width / DAY, values, count > 0, int(old.sum()))
