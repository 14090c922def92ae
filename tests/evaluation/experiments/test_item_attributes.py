from __future__ import annotations

import numpy as np
import pandas as pd

from rrn_tf.evaluation.experiments.item_attributes import grouping_attribute, item_groups

ITEMS = pd.DataFrame(
    {
        "item_id": [7, 8, 9, 10],
        "title": ["A", "B", "C", "D"],
        "maker": ["a", "b", "c", "d"],
        "kind": ["x", "y", "x", None],
        "year": pd.array([1990, 2000, None, 1991], "Int64"),
    }
)
IDS = np.array(["10", "7", "nobody", "8", "9"], object)


def test_the_year_is_preferred_and_what_names_an_item_makes_no_groups() -> None:
    assert grouping_attribute(ITEMS) == "year"
    assert grouping_attribute(ITEMS, categorical=True) is None  # two kinds of three items nearly name them
    more = pd.concat([ITEMS, ITEMS.assign(maker=["e", "f", "g", "h"])])
    assert grouping_attribute(more, categorical=True) == "kind"
    assert grouping_attribute(None) is None
    assert grouping_attribute(ITEMS[["item_id", "title"]]) is None


def test_numbers_are_divided_into_ranges_and_words_into_the_most_frequent() -> None:
    years = item_groups(ITEMS, "year", IDS, 2)
    assert years.labels == ("1990", "1991 to 2000")
    assert years.group.tolist() == [1, 0, -1, 1, -1]
    kinds = item_groups(ITEMS, "kind", IDS, 1)
    assert kinds.labels == ("x",)
    assert kinds.group.tolist() == [-1, 0, -1, -1, 0]
