"""`rrn update`: updates the states of a saved model by new ratings, without retraining.

Every rating is used once, even if it is given again: the ratings since the training cutoff are saved with the model.
Late ratings join the open step (see `rrn_tf.states.advance`). Ratings before the training cutoff are dropped: the
states include them, or are past their time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.arrays import concatenate_rows, take_rows
from rrn_tf.evaluation.metrics import rmse
from rrn_tf.features import Side
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.states.advance import advance, with_newbies
from rrn_tf.states.snapshot import LaterRatings, RRNSnapshot


class NewRatings(NamedTuple):
    """N new ratings; of several with the same user, item and second, the first is used.

    Attributes:
      user_id, item_id: object[N], ids.
      timestamp: int64[N], unix seconds.
      rating: float32[N], the ratings.
    """

    user_id: npt.NDArray[np.object_]
    item_id: npt.NDArray[np.object_]
    timestamp: npt.NDArray[np.int64]
    rating: npt.NDArray[np.float32]


@dataclass(frozen=True)
class UpdateReport:
    """The counts, errors and times of an update.

    Attributes:
      ratings: number of ratings that updated the states.
      duplicates: number of dropped ratings with the user, item and second of an earlier one.
      late: number of `ratings` of a step before one in which the user or item already had ratings.
      before_cutoff: number of dropped ratings from before the training cutoff.
      new_users, new_items: numbers of users and items without earlier ratings.
      rmse: errors on `ratings`: ``updated``, with each predicted before it is observed, and ``frozen``, with the states
        before the update; None without ratings.
      seconds: time of the frozen predictions, ``predict``, and of the rest, ``roll``.
    """

    ratings: int
    duplicates: int
    late: int
    before_cutoff: int
    new_users: int
    new_items: int
    rmse: dict[str, float] | None
    seconds: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def update(base: SavedRRN, ratings: NewRatings, now: float | None = None) -> tuple[RRNSnapshot, UpdateReport]:
    """Updates a model's states by new ratings.

    Args:
      base: the saved model, which is not changed.
      ratings: the ratings, in any order and of any time, user and item.
      now: unix seconds, by default by the clock. Later ratings are used, but do not move the time after which a
        recommendation is made by default.

    Returns:
      The updated network, which can be exported, and a report.
    """
    begin, before = time.perf_counter(), base.load_model()
    early = ratings.timestamp < before.metadata.cutoff
    later = take_rows(ratings, ~early)
    network, table = with_newbies(before, later.user_id, later.item_id, by_id=True)
    given = LaterRatings(table.entity, table.opposite, later.timestamp)
    taken, fresh = _joined(network.later, given)
    new = take_rows(later, fresh)
    table = table._replace(timestamp=later.timestamp, rating=later.rating).take(fresh)
    rolled = advance(network, table)
    seconds = {"roll": time.perf_counter() - begin}
    begin, figures = time.perf_counter(), None
    if len(fresh):
        frozen = base.predict(new.user_id, new.item_id, new.timestamp)
        figures = {"updated": rmse(rolled.predicted, new.rating), "frozen": rmse(frozen, new.rating)}
    seconds["predict"] = time.perf_counter() - begin
    report = UpdateReport(
        ratings=len(fresh),
        duplicates=len(given.user) - len(fresh),
        late=int(rolled.late.sum()),
        before_cutoff=int(early.sum()),
        new_users=len(network.ids[Side.USER]) - len(before.ids[Side.USER]),
        new_items=len(network.ids[Side.ITEM]) - len(before.ids[Side.ITEM]),
        rmse=figures,
        seconds={name: round(value, 3) for name, value in seconds.items()},
    )
    past = new.timestamp[new.timestamp <= (time.time() if now is None else now)]
    until = max(before.until, 1 + int(past.max(initial=0)))
    return network._replace(states=rolled.states, later=taken, until=until), report


def _joined(known: LaterRatings, given: LaterRatings) -> tuple[LaterRatings, npt.NDArray[np.int64]]:
    """Merges known and given ratings without duplicates; also returns the positions of given ratings that are new."""
    both = concatenate_rows([known, given])
    order = np.lexsort((both.timestamp, both.item, both.user))  # stable
    both = take_rows(both, order)
    first = np.ones(len(order), bool)
    first[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in both])
    fresh = order[first] - len(known.user)
    return take_rows(both, first), np.sort(fresh[fresh >= 0])
