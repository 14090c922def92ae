"""Figure 8 of the RRN paper: average predicted ratings through the calendar, by release year or another attribute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rrn_tf.evaluation.average_ratings import first_rated
from rrn_tf.evaluation.binned import binned_means
from rrn_tf.evaluation.curves import Curve
from rrn_tf.evaluation.experiments.calendar_curves import calendar_curve, calendar_fit, largest_change
from rrn_tf.evaluation.experiments.drawing import Series, draw_series
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure
from rrn_tf.evaluation.experiments.item_attributes import ItemGroups, grouping_attribute, item_groups
from rrn_tf.evaluation.experiments.sentences import counted, day, listed, with_error
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.evaluation.experiments.what_moves import what_moves
from rrn_tf.features import RATING, Side, Split

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ORDER = 80
TITLE = "Average ratings through the calendar"
SOURCE = "Wu et al., WSDM 2017, Figure 8"
NAME = "ratings_through_the_calendar"
_GROUPS, _BINS = 4, 20
_SURE = 4  # standard errors: the largest of the changes at a hundred dates is one of two or three by chance
ALL, OBSERVED = "all items", "observed"


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Predicted ratings by time and group of items, and observed ones."""
    averages, ids = subject.averages, subject.sequences.item_ids
    rated_from = first_rated(subject.sequences, Side.ITEM)[averages.items]
    groups = _groups(subject, ids[averages.items - 1])
    whole = calendar_curve(averages, rated_from, np.arange(len(rated_from)))
    curves = {
        label: calendar_curve(averages, rated_from, groups.group == place) for place, label in enumerate(groups.labels)
    }
    curves = {label: curve for label, curve in {**curves, ALL: whole}.items() if np.isfinite(curve.mean).sum() > 1}
    date = pd.to_datetime(averages.timestamps, unit="s")
    frames = [
        pd.DataFrame(
            {
                "items": label,
                "date": date,
                RATING: curve.mean,
                "standard_error": curve.errors,
                "n": curve.units,
            }
        )
        for label, curve in curves.items()
    ]
    observed = _observed(subject)
    frame = pd.concat([*frames, observed], ignore_index=True).dropna(subset=[RATING])
    title = TITLE + (f", by {groups.attribute}" if groups.labels else "")

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        series = [
            Series(str(label), of["date"], of[RATING], of["standard_error"])
            for label, of in frame.groupby("items", sort=False)
        ]
        draw_series(axes, series, "date", "average rating")
        canvas.autofmt_xdate()

    return [Figure(NAME, title, _caption(subject, curves, groups), frame, draw)]


def _groups(subject: RatingSubject, item_ids: np.ndarray) -> ItemGroups:
    items = subject.options.items
    attribute = grouping_attribute(items)
    if items is None or attribute is None:
        return ItemGroups("", (), np.full(len(item_ids), -1))
    return item_groups(items, attribute, item_ids, _GROUPS)


def _observed(subject: RatingSubject) -> pd.DataFrame:
    """Averages the training ratings by time, whoever rated."""
    ratings, cutoff = subject.sequences.interactions([Split.TRAIN]), subject.sequences.metadata.cutoff
    edges = np.linspace(ratings.timestamp.min(), cutoff, _BINS + 1)
    place = np.searchsorted(edges, ratings.timestamp, side="right") - 1
    found = binned_means(ratings.rating, place, _BINS, ratings.user)
    date = pd.to_datetime((edges[1:] + edges[:-1]) / 2, unit="s")
    columns = {RATING: found["mean"], "standard_error": found["standard_error"], "n": found["n"]}
    return pd.DataFrame({"items": OBSERVED, "date": date, **columns})


def _caption(subject: RatingSubject, curves: dict[str, Curve], groups: ItemGroups) -> str:
    averages, curve = subject.averages, curves[ALL]
    lines = f"a line for each {groups.attribute} ({listed(groups.labels)}) and one for all, " if groups.labels else ""
    sentences = [
        (
            f"Average predicted ratings of {counted(len(averages.items), 'item')}, {lines}by the same "
            f"{counted(len(averages.users), 'sampled user')} at every time, whether they rated or not; an item counts "
            "from its first rating on. Bars are standard errors over items and users. The observed line averages the "
            f"training ratings of the time, by whoever rated. {what_moves(subject)}"
        )
    ]
    date, change = largest_change(curve, averages.timestamps)
    if np.isfinite(change.value):
        moved = "rises" if change.value > 0 else "falls"
        sentences.append(
            f"The average of all items {moved} most around {day(date)}, by {with_error(*change, '+.3f')}"
            + ("." if abs(change.value) > _SURE * change.error else ", which the largest of so many can be by chance.")
        )
    fit = calendar_fit(curve, averages.timestamps, date)
    if fit:
        top = pd.Timestamp(2001, 1, 1) + pd.Timedelta(days=fit.top)
        sentences.append(
            f"A yearly cycle, fitted beside that change and a straight line, has an amplitude of "
            f"{with_error(*fit.amplitude, '.3f')} and is highest around {top.day} {top:%B}; without it the change is "
            f"{with_error(*fit.change, '+.3f')}."
        )
    else:
        sentences.append("Training ratings of a year or less say nothing of a season.")
    return " ".join(sentences)
