"""Groups of items by an attribute that a user gave with `--items`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.data.items import TITLE, YEAR
from rrn_tf.evaluation.binned import equal_bins
from rrn_tf.features import ITEM_ID

_MOST_DISTINCT = 0.5  # as a fraction of the items: an attribute that nearly names the item makes no groups


class ItemGroups(NamedTuple):
    """Items divided into groups.

    Attributes:
      attribute: name of the attribute.
      labels: the groups' names.
      group: int64[N], the group of each item; -1 for items of none.
    """

    attribute: str
    labels: tuple[str, ...]
    group: npt.NDArray[np.int64]


def item_column(frame: pd.DataFrame, attribute: str, item_ids: npt.NDArray[np.object_]) -> pd.Series:
    """Returns an attribute of items object[N] in their order; missing where the frame has no such item."""
    by_id = frame.assign(**{ITEM_ID: frame[ITEM_ID].astype(str)}).drop_duplicates(ITEM_ID).set_index(ITEM_ID)
    return by_id[attribute].reindex(item_ids.astype(str))


def grouping_attribute(frame: pd.DataFrame | None, *, categorical: bool = False) -> str | None:
    """Returns `year` if there is one, or the first attribute that makes groups; None without any.

    Args:
      frame: attributes with a column item_id.
      categorical: whether numbers, as of years, are left out.
    """
    if frame is None:
        return None
    names = [str(name) for name in frame.columns if name not in (ITEM_ID, TITLE)]
    for name in sorted(names, key=lambda name: name != YEAR):
        values = frame[name].dropna()
        numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        if numeric and categorical:
            continue
        if values.nunique() > 1 and (numeric or values.nunique() <= _MOST_DISTINCT * len(values)):
            return name
    return None


def item_groups(frame: pd.DataFrame, attribute: str, item_ids: npt.NDArray[np.object_], most: int) -> ItemGroups:
    """Divides items by an attribute: numbers into ranges of about equal size, other values into the most frequent ones.

    Args:
      frame: attributes with a column item_id.
      attribute: the one to use.
      item_ids: object[N], the items.
      most: largest number of groups.
    """
    values = item_column(frame, attribute, item_ids).reset_index(drop=True)
    group, known = np.full(len(values), -1, np.int64), values.notna().to_numpy()
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        found = values[known].to_numpy(np.float64)
        group[known] = equal_bins(found, most)
        ends = pd.Series(found).groupby(group[known]).agg(["min", "max"]).to_numpy()
        labels = (f"{low:g}" if low == high else f"{low:g} to {high:g}" for low, high in ends)
        return ItemGroups(attribute, tuple(labels), group)
    names = values[known].astype(str)
    frequent = names.value_counts().sort_index(kind="stable").sort_values(ascending=False, kind="stable").index[:most]
    group[known] = pd.Categorical(names, categories=frequent).codes
    return ItemGroups(attribute, tuple(map(str, frequent)), group)
