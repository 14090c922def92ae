"""Figure 7 of the RRN paper: average predicted ratings of two groups of items through their lives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.evaluation.average_ratings import training_counts
from rrn_tf.evaluation.experiments.drawing import Series, draw_series, draw_zero
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Omitted
from rrn_tf.evaluation.experiments.item_ages import ItemAges, item_ages
from rrn_tf.evaluation.experiments.sentences import counted, established, with_error
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.evaluation.experiments.what_moves import what_moves
from rrn_tf.features import ITEM_ID, RATING, Side

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ORDER = 70
TITLE = "Two groups of items as they age"
SOURCE = "Wu et al., WSDM 2017, Figure 7"
NAME = "two_groups_of_items"
_EVENT_NAME = "name"
_FEWEST = 3  # items of a group
_SHARE = 5  # without named events: a fifth of the items is a group


class TwoGroups(NamedTuple):
    """Two groups among the new items.

    Attributes:
      labels: what the groups are.
      chosen: bool[I] each.
      how: how they were chosen, as a sentence.
    """

    labels: tuple[str, str]
    chosen: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]
    how: str


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Predicted ratings of both groups by the time since an item's first rating."""
    ages = item_ages(subject)
    groups = two_groups(subject, ages)
    sizes = [int(chosen.sum()) for chosen in groups.chosen]
    if min(sizes) < _FEWEST:
        reason = (
            f"Too few items came within the training period: {sizes[0]} of “{groups.labels[0]}” and {sizes[1]} of "
            f"“{groups.labels[1]}”; it takes at least {_FEWEST} of each. Name two groups of items in the column `name` "
            "of `--events`."
        )
        return [Omitted(NAME, TITLE, reason)]
    curves = {label: ages.curve(chosen) for label, chosen in zip(groups.labels, groups.chosen, strict=True)}
    frames = [
        pd.DataFrame({"items": label, "days": ages.days, RATING: of.mean, "standard_error": of.errors, "n": of.units})
        for label, of in curves.items()
    ]
    frame = pd.concat(frames, ignore_index=True).dropna(subset=[RATING])

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        series = [
            Series(str(name), of["days"], of[RATING], of["standard_error"])
            for name, of in frame.groupby("items", sort=False)
        ]
        draw_series(axes, series, "days since the item's first rating", "rating above that of old items")
        draw_zero(axes)

    sentences = [
        (
            f"{groups.how} The lines are average predicted ratings by the same "
            f"{counted(len(subject.averages.users), 'sampled user')} at every time, less those of items that were "
            "there from the start; from one age to the next they move as the items that have reached both. Bars are "
            f"standard errors over items. {what_moves(subject)}"
        )
    ]
    for (label, curve), size in zip(curves.items(), sizes, strict=True):
        change = ages.ends(curve)
        said = "" if established(*change) else ", which is within what chance makes"
        sentences.append(
            f"From the least to the greatest ages, “{label}” ({counted(size, 'item')}) changes by "
            f"{with_error(*change, '+.3f')}{said}."
        )
    return [Figure(NAME, TITLE, " ".join(sentences), frame, draw)]


def two_groups(subject: RatingSubject, ages: ItemAges) -> TwoGroups:
    """Chooses the groups: nominees of a prize for the best and of one for the worst in the paper.

    They are the items of the two most frequent names of events; without such names, the best and worst rated items.
    """
    items, events = subject.averages.items[ages.positions], subject.options.events
    if events is not None and _EVENT_NAME in events:
        names = events[_EVENT_NAME].astype(str)
        frequent = names.value_counts().index.tolist()[:2]
        if len(frequent) == 2:
            ids = subject.sequences.item_ids[items - 1].astype(str)
            one, other = (np.isin(ids, events.loc[names == name, ITEM_ID].astype(str)) for name in frequent)
            how = "The groups are the items of the two most frequent kinds of events that were given."
            return TwoGroups((frequent[0], frequent[1]), (one, other), how)
    data = subject.sequences.item
    inside = data.step[data.rating_row] < 0
    of = data.row_entity[data.rating_row[inside]]
    total = np.bincount(of, data.rating[inside], len(data.row_splits) - 1)
    mean = total[items] / training_counts(subject.sequences, Side.ITEM)[items]
    place = np.argsort(np.argsort(mean, kind="stable"), kind="stable")
    size = len(items) // _SHARE
    how = (
        "No two kinds of events were named (`--events`, column `name`), so the groups are the fifth of the items that "
        "came within the training period with the highest average training rating, and the fifth with the lowest; "
        "being chosen by all of their ratings, they part from each other as they age, since the network learns what "
        "they were chosen by."
    )
    return TwoGroups(("best rated", "worst rated"), (place >= len(items) - size, place < size), how)
