"""Users whose taste turns: their predicted preference for one kind of items over another, through time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.evaluation.average_ratings import calendar, first_rated, ratings_at
from rrn_tf.evaluation.curves import Curve, mean_curve
from rrn_tf.evaluation.experiments.drawing import Series, draw_series, draw_zero
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Omitted
from rrn_tf.evaluation.experiments.item_attributes import ItemGroups, grouping_attribute, item_groups
from rrn_tf.evaluation.experiments.sentences import counted, day, established, with_error
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.evaluation.experiments.what_moves import what_moves
from rrn_tf.features import Side, Split

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ORDER = 85
TITLE = "Users whose taste turns"
SOURCE = ""
NAME = "turning_tastes"
_TIMES = 25
_FEWEST = 2  # ratings of either kind in either half of the time
_FEWEST_USERS, _FEWEST_AVERAGED = 20, 3
_SHARE = 0.15  # of the users in a group of those who turned most


class Tastes(NamedTuple):
    """Preferences of U users for one kind of items over another at T times.

    Attributes:
      users: int64[U], indices in the sequences.
      timestamps: int64[T], unix seconds.
      preference: float64[U, T], the average predicted rating of items of the one kind less that of the other.
      known: bool[U, T], from each user's first rating on.
    """

    users: npt.NDArray[np.int64]
    timestamps: npt.NDArray[np.int64]
    preference: npt.NDArray[np.float64]
    known: npt.NDArray[np.bool_]

    def curve(self, chosen: npt.NDArray[np.bool_] | None = None, sign: npt.ArrayLike = 1.0) -> Curve:
        """Averages users, or those chosen by bool[U], each times a sign float[U]."""
        signed, rows = self.preference * np.reshape(sign, (-1, 1)), slice(None) if chosen is None else chosen
        return mean_curve(signed[rows], self.known[rows], _FEWEST_AVERAGED)


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Preferences of users whose own ratings turned most, and of the others."""
    attributes = subject.options.items
    attribute = grouping_attribute(attributes, categorical=True)
    if attributes is None or attribute is None:
        return [
            Omitted(NAME, TITLE, "No attribute divides the items into kinds, such as a genre: give one by `--items`.")
        ]
    items = subject.averages.items
    kinds = item_groups(attributes, attribute, subject.sequences.item_ids[items - 1], 2)
    if len(kinds.labels) < 2:
        return [
            Omitted(NAME, TITLE, f"The most rated items have no two kinds of {attribute}, by which tastes could turn.")
        ]
    users, moved = _observed_moves(subject, items, kinds)
    if len(users) < _FEWEST_USERS:
        either = " and ".join(kinds.labels)
        reason = (
            f"{counted(len(users), 'user')} rated at least {_FEWEST} items of either kind ({either}) in "
            f"either half of the training period; it takes at least {_FEWEST_USERS}."
        )
        return [Omitted(NAME, TITLE, reason)]
    first, second = kinds.labels
    tastes = tastes_of(subject, users, items[kinds.group == 0], items[kinds.group == 1])
    place, size = np.argsort(np.argsort(moved, kind="stable"), kind="stable"), max(1, int(_SHARE * len(users)))
    chosen = {
        f"turned most to {first}": place >= len(users) - size,
        "the others": (place >= size) & (place < len(users) - size),
        f"turned most to {second}": place < size,
    }
    curves = {label: tastes.curve(rows) for label, rows in chosen.items()}
    date = pd.to_datetime(tastes.timestamps, unit="s")
    frames = [
        pd.DataFrame({"users": label, "date": date, "preference": of.mean, "standard_error": of.errors, "n": of.units})
        for label, of in curves.items()
    ]
    frame = pd.concat(frames, ignore_index=True).dropna(subset=["preference"])

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        series = [
            Series(str(name), of["date"], of["preference"], of["standard_error"])
            for name, of in frame.groupby("users", sort=False)
        ]
        draw_series(axes, series, "date", f"rating of {first} above {second}")
        draw_zero(axes)
        canvas.autofmt_xdate()

    middle = _middle(subject)
    sentences = [
        (
            f"How much higher {counted(len(users), 'user')} are predicted to rate items of the {attribute} {first} "
            f"than those of {second}. Users are grouped by how this preference in their own ratings moved from before "
            f"{day(middle)} to after it: the {_SHARE:.0%} that moved most to either side, and the others. Those chosen "
            "by noisy ratings have turned less than these say. Bars are standard errors over users. "
            f"{what_moves(subject)}"
        )
    ]
    for label, curve in curves.items():
        seen = np.isfinite(curve.mean)
        change = curve.change(seen & (tastes.timestamps < middle), seen & (tastes.timestamps >= middle))
        said = "" if established(*change) else ", which is within what chance makes"
        sentences.append(f"Of those who are “{label}” it changes by {with_error(*change, '+.3f')}{said}.")
    return [Figure(NAME, TITLE, " ".join(sentences), frame, draw)]


def tastes_of(
    subject: RatingSubject, users: npt.NDArray[np.int64], one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]
) -> Tastes:
    """Predicts what users would give all items of one kind and all of another, at times over the training period.

    Args:
      subject: the run.
      users: int64[U], indices in the sequences.
      one, other: indices of the items of each kind.
    """
    states, timestamps = subject.through_time.moving(), calendar(subject.sequences, _TIMES)
    items = np.concatenate([one, other])
    weights = np.concatenate([np.full(len(one), 1 / len(one)), np.full(len(other), -1 / len(other))])
    preference = np.stack([ratings_at(states, users, items, int(time)) @ weights for time in timestamps], axis=1)
    known = timestamps >= first_rated(subject.sequences, Side.USER)[users][:, np.newaxis]
    return Tastes(users, timestamps, preference, known)


def _middle(subject: RatingSubject) -> float:
    return float(np.median(subject.sequences.interactions([Split.TRAIN]).timestamp))


def _observed_moves(
    subject: RatingSubject, items: npt.NDArray[np.int64], kinds: ItemGroups
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Returns sampled users with enough ratings, and how their observed preference moved between halves of the time."""
    ratings = subject.sequences.interactions([Split.TRAIN])
    kind = np.full(ratings.num_items + 1, -1)
    kind[items] = kinds.group
    of, late = kind[ratings.item], ratings.timestamp >= _middle(subject)
    cell, kept = (ratings.user.astype(np.int64) * 2 + late) * 2 + of, of >= 0
    cells = 4 * (ratings.num_users + 1)
    count = np.bincount(cell[kept], minlength=cells).reshape(-1, 2, 2)
    total = np.bincount(cell[kept], ratings.rating[kept], cells).reshape(-1, 2, 2)
    users = np.flatnonzero((count >= _FEWEST).all(axis=(1, 2)))
    sample = np.random.default_rng(subject.options.seed).permutation(len(users))[: subject.options.sampled_users]
    users = np.sort(users[sample])
    mean = total[users] / count[users]
    preference = mean[:, :, 0] - mean[:, :, 1]
    return users, preference[:, 1] - preference[:, 0]
