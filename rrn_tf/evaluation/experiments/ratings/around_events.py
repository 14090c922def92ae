"""Figure 5 of the RRN paper: ratings of items around an event, such as an award."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.evaluation.average_ratings import average_ratings_of_pairs, first_rated, training_counts
from rrn_tf.evaluation.binned import binned_means
from rrn_tf.evaluation.curves import Curve, Estimate, mean_curve
from rrn_tf.evaluation.experiments.drawing import Series, draw_series, draw_zero, ink
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Omitted
from rrn_tf.evaluation.experiments.sentences import counted, established, with_error
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.evaluation.experiments.what_moves import what_moves
from rrn_tf.features import ITEM_ID, RATING, Side, Split

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ORDER = 50
TITLE = "Ratings of items around an event"
SOURCE = "Wu et al., WSDM 2017, Figure 5"
NAME = "ratings_around_events"
_DATE = "date"
_DAY = 86_400
_STEP = 15 * _DAY  # between two times at which ratings are predicted
_BEFORE, _AFTER = 6, 12  # steps
_SOON = 4  # the first steps after the event, in which its effect is measured
_MOST_EVENTS = 300


class AroundEvents(NamedTuple):
    """Average predicted ratings of E items around their events, less the average of all items at the same time.

    Attributes:
      items: int64[E], indices in the sequences.
      dates: int64[E], unix seconds.
      offsets: int64[T], seconds from the event.
      relative: float64[E, T], average predicted ratings less the general average.
      known: bool[E, T], where the item has been rated and training has not ended.
      error: float64[E, T], standard errors over the sampled users.
      left_out: number of events of unknown items, or outside the training period.
    """

    items: npt.NDArray[np.int64]
    dates: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    relative: npt.NDArray[np.float64]
    known: npt.NDArray[np.bool_]
    error: npt.NDArray[np.float64]
    left_out: int

    def curve(self) -> Curve:
        """Averages the events; zero is the average before them."""
        curve = mean_curve(self.relative, self.known)
        before = (self.offsets < 0) & np.isfinite(curve.mean)
        if not before.any():
            return curve
        influence = curve.influence - curve.influence[:, before].mean(axis=1, keepdims=True)
        return curve._replace(mean=curve.mean - curve.mean[before].mean(), influence=influence)

    def soon_after(self) -> Estimate:
        """The average of the first two months after the event, less that before it."""
        return self._change((self.offsets > 0) & (self.offsets <= _SOON * _STEP))

    def in_the_end(self) -> Estimate:
        """The average of the last times, less that before the event."""
        return self._change(self.offsets > (_AFTER - _SOON) * _STEP)

    def _change(self, after: npt.NDArray[np.bool_]) -> Estimate:
        curve = self.curve()
        seen = np.isfinite(curve.mean)
        return curve.change((self.offsets < 0) & seen, after & seen)


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Predicted and observed ratings of the given events' items before and after them."""
    if subject.options.events is None:
        return [Omitted(NAME, TITLE, "No events were given: name items and dates with `--events` (item_id,date).")]
    around = around_events(subject, subject.options.events)
    curve = around.curve()
    if not np.isfinite(curve.mean).any() or not np.isfinite(around.soon_after().value):
        reason = (
            f"None of {counted(len(subject.options.events), 'event')} in `--events` is of a trained item and lies "
            "within the training period with ratings of the item before and after it."
        )
        return [Omitted(NAME, TITLE, reason)]
    days = around.offsets / _DAY
    # A single event has no error over events, but one over users.
    errors = curve.errors if len(around.items) > 1 else around.error[0]
    predicted = {RATING: curve.mean, "standard_error": errors, "n": curve.units}
    frame = pd.concat(
        [pd.DataFrame({"ratings": "predicted", "days": days, **predicted}), _observed(subject, around)],
        ignore_index=True,
    ).dropna(subset=[RATING])

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        series = [
            Series(str(name), of["days"], of[RATING], of["standard_error"])
            for name, of in frame.groupby("ratings", sort=False)
        ]
        draw_series(axes, series, "days from the event", "rating above that before")
        draw_zero(axes)
        axes.axvline(0, color=ink(axes), linewidth=0.8, linestyle=":")

    return [Figure(NAME, TITLE, _caption(subject, around), frame, draw)]


def around_events(subject: RatingSubject, events: pd.DataFrame) -> AroundEvents:
    """Predicts the average rating of each event's item before and after it.

    Args:
      subject: the run.
      events: item_id and date; unknown items and dates outside the training period are left out.
    """
    sequences, averages = subject.sequences, subject.averages
    date = pd.to_datetime(events[_DATE], utc=True).to_numpy("datetime64[s]").astype(np.int64)
    place = pd.Categorical(events[ITEM_ID].astype(str), categories=sequences.item_ids.astype(str)).codes
    item, start, cutoff = place.astype(np.int64) + 1, averages.timestamps[0], sequences.metadata.cutoff
    trained = training_counts(sequences, Side.ITEM)[item] > 0
    kept = np.flatnonzero((item > 0) & trained & (date > start) & (date < cutoff))
    left_out, kept = len(events) - len(kept), kept[:_MOST_EVENTS]
    item, date = item[kept], date[kept]
    offsets = np.arange(-_BEFORE, _AFTER + 1) * _STEP
    # On the day itself nothing has been rated after the event yet.
    time = date[:, np.newaxis] + offsets
    rated_from = first_rated(sequences, Side.ITEM)
    known = (time >= rated_from[item][:, np.newaxis]) & (time < cutoff)
    found = average_ratings_of_pairs(
        subject.through_time.moving(),
        averages.users,
        np.repeat(item, len(offsets)),
        np.clip(time, start, cutoff - 1).ravel(),
    )
    others = ~np.isin(averages.items, item)
    baseline = averages.of_items[others if others.any() else slice(None)].mean(axis=0)
    level = np.interp(time, averages.timestamps, baseline)
    mean, error = (of.reshape(time.shape).astype(np.float64) for of in found)
    return AroundEvents(item, date, offsets, mean - level, known, error, left_out)


def _observed(subject: RatingSubject, around: AroundEvents) -> pd.DataFrame:
    """Averages the items' training ratings around their events, less all ratings of the time and those before."""
    ratings, averages = subject.sequences.interactions([Split.TRAIN]), subject.averages
    start, cutoff = averages.timestamps[0], subject.sequences.metadata.cutoff
    time = (ratings.timestamp - start) * 20 // max(cutoff - start, 1)
    level = binned_means(ratings.rating, time, 20, ratings.user)["mean"].to_numpy()
    table = pd.DataFrame(
        {"item": ratings.item, "time": ratings.timestamp, RATING: ratings.rating - level[time], "user": ratings.user}
    )
    table = table.merge(pd.DataFrame({"item": around.items, "date": around.dates}), on="item")
    width = 2 * _STEP
    place = (table["time"] - table["date"]) // width + _BEFORE // 2
    bins = (_BEFORE + _AFTER) // 2
    table = table[(place >= 0) & (place < bins)].assign(place=place)
    if not len(table):
        return pd.DataFrame()
    before = table[table["place"] < _BEFORE // 2]
    own = before.groupby("item")[RATING].mean()
    values = table[RATING] - table["item"].map(own).fillna(before[RATING].mean() if len(before) else 0.0)
    found = binned_means(values.to_numpy(), table["place"].to_numpy(), bins, table["user"].to_numpy())
    days = (np.arange(bins) + 0.5 - _BEFORE // 2) * width / _DAY
    columns = {RATING: found["mean"], "standard_error": found["standard_error"], "n": found["n"]}
    return pd.DataFrame({"ratings": "observed", "days": days, **columns})


def _caption(subject: RatingSubject, around: AroundEvents) -> str:
    soon, end, items = around.soon_after(), around.in_the_end(), len(around.items)
    left_out = f" {counted(around.left_out, 'event')} of other items or times left out." if around.left_out else ""
    told = (
        f"Predicted ratings around {counted(items, 'event')}, averaged over the same "
        f"{counted(len(subject.averages.users), 'sampled user')} at every time, whether they rated or not, less the "
        "average of all other items at the same time; zero is the average of the 90 days before. The observed line "
        "averages the ratings of those who rated the items then. Bars are standard errors, of predictions over "
        f"{'events' if items > 1 else 'users'} and of observed ratings over users.{left_out} {what_moves(subject)}"
    )
    unsure = ", of a single event" if items == 1 else ", which does not establish an effect"
    said = "" if items > 1 and established(*soon) else unsure
    found = with_error(*soon, "+.3f")
    sentences = [told, f"In the 60 days after the event predictions differ by {found} from those before{said}."]
    if np.isfinite(end.value):
        sentences.append(f"From 120 to 180 days after it they differ by {with_error(*end, '+.3f')}.")
    return " ".join(sentences)
