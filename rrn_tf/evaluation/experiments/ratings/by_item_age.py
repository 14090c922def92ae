"""Figure 6 of the RRN paper: average predicted ratings as a function of an item's age."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rrn_tf.evaluation.binned import Line, binned_means, fitted_line
from rrn_tf.evaluation.experiments.drawing import Series, draw_series, draw_zero
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Omitted
from rrn_tf.evaluation.experiments.item_ages import ItemAges, item_ages
from rrn_tf.evaluation.experiments.sentences import counted, established, with_error
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.evaluation.experiments.what_moves import what_moves
from rrn_tf.features import RATING, Split

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ORDER = 60
TITLE = "Average ratings by the age of items"
SOURCE = "Wu et al., WSDM 2017, Figure 6"
NAME = "ratings_by_item_age"
PREDICTED, OBSERVED = "predicted", "observed"
_YEAR = 365.25


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Predicted and observed ratings by the time since an item's first rating."""
    ages = item_ages(subject)
    curve = ages.curve()
    if np.isfinite(curve.mean).sum() < 2:
        found = counted(len(ages.positions), "item")
        reason = f"{found} came after the first tenth of the training period with enough ratings; it takes at least 3."
        return [Omitted(NAME, TITLE, reason)]
    predicted = pd.DataFrame(
        {
            "ratings": PREDICTED,
            "days": ages.days,
            RATING: curve.mean,
            "standard_error": curve.errors,
            "n": curve.units,
        }
    )
    frame = pd.concat([predicted, _observed(subject, ages)], ignore_index=True).dropna(subset=[RATING])

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        series = [
            Series(str(name), of["days"], of[RATING], of["standard_error"])
            for name, of in frame.groupby("ratings", sort=False)
        ]
        draw_series(axes, series, "days since the item's first rating", "rating above that of old items")
        draw_zero(axes)

    return [Figure(NAME, TITLE, _caption(subject, ages), frame, draw)]


def slope(ages: ItemAges) -> Line:
    """Fits one line to the changes of all items: rating a year of age, within items."""
    item, place = np.nonzero(ages.known)
    years, rating = ages.days[place] / _YEAR, ages.values[item, place]
    count = np.bincount(item, minlength=len(ages.positions))
    own = [np.bincount(item, of, len(count))[item] / count[item] for of in (years, rating)]
    return fitted_line(years - own[0], rating - own[1], item)


def _observed(subject: RatingSubject, ages: ItemAges) -> pd.DataFrame:
    """Averages the training ratings of the same items by age, less the average of the other items' at the time."""
    averages, ratings = subject.averages, subject.sequences.interactions([Split.TRAIN])
    position = np.full(ratings.num_items + 1, -1)
    position[averages.items[ages.positions]] = np.arange(len(ages.positions))
    among = position[ratings.item]
    start, cutoff = averages.timestamps[0], subject.sequences.metadata.cutoff
    time = (ratings.timestamp - start) * 20 // max(cutoff - start, 1)
    others = among < 0
    level = binned_means(ratings.rating[others], time[others], 20, ratings.user[others])["mean"].to_numpy()
    level = np.where(np.isfinite(level), level, ratings.rating.mean())
    of_items = np.flatnonzero(~others)
    first = np.full(len(ages.positions), cutoff)
    np.minimum.at(first, among[of_items], ratings.timestamp[of_items])
    days = (ratings.timestamp[of_items] - first[among[of_items]]) / 86_400
    bins = len(ages.days)
    place = np.minimum((days / (2 * ages.days[0])).astype(np.int64), bins - 1)
    found = binned_means(ratings.rating[of_items] - level[time[of_items]], place, bins, ratings.user[of_items])
    columns = {RATING: found["mean"], "standard_error": found["standard_error"], "n": found["n"]}
    return pd.DataFrame({"ratings": OBSERVED, "days": ages.days, **columns})


def _caption(subject: RatingSubject, ages: ItemAges) -> str:
    line = slope(ages)
    change = ages.ends(ages.curve())
    moved = with_error(*change, "+.3f")
    told = (
        f"At the greatest ages predictions differ by {moved} from those at the least age: older items are rated "
        f"{'higher' if change.value > 0 else 'lower'}."
        if established(*change)
        else f"From the least to the greatest ages predictions change by {moved}, which does not establish an effect "
        "of age."
    )
    return (
        f"Average predicted ratings of {counted(len(ages.positions), 'item')} that came within the training period, by "
        f"the time since their first rating, less those of {counted(ages.old, 'item')} that were there from the start, "
        f"at the same times and by the same {counted(len(subject.averages.users), 'sampled user')}, whether they rated "
        "or not. From one age to the next the line moves as the items that have reached both. The observed line "
        "averages the training ratings of these items, less those of all others at the time. Bars are standard errors, "
        f"of predictions over items and of observed ratings over users. {what_moves(subject)} {told} "
        f"Within items the slope is {with_error(line.slope, line.standard_error, '+.3f')} a year."
    )
