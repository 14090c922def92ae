"""`rrn update`: new ratings move the states of a saved model, nothing is retrained.

Every rating is taken in once, whoever gives it again: what the model has taken in since its training cutoff is saved
with it. Late ratings join the open step (see `rrn_tf.states.advance`). Ratings before the training cutoff are refused:
the states have seen them, or have passed their time.
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
    """N ratings, of one user, item and second the first of which counts.

    Attributes:
      user_id, item_id: object[N].
      timestamp: int64[N], unix seconds.
      rating: float32[N].
    """

    user_id: npt.NDArray[np.object_]
    item_id: npt.NDArray[np.object_]
    timestamp: npt.NDArray[np.int64]
    rating: npt.NDArray[np.float32]


@dataclass(frozen=True)
class UpdateReport:
    """What an update did.

    Attributes:
      ratings: how many the states took in.
      duplicates: whose user, item and second they had taken in already, or came before in the same ratings; dropped.
      late: of `ratings`, those of a step before one that user or item had had ratings of already.
      before_cutoff: from before the training cutoff; dropped.
      new_users, new_items: without a rating before.
      rmse: ``{"updated", "frozen"}`` of `ratings`: each predicted before it was revealed, and by the states before all
        of them; None without any.
      seconds: ``{"predict", "roll"}``: of the frozen predictions, and of all else.
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


def update(base: SavedRRN, ratings: NewRatings) -> tuple[RRNSnapshot, UpdateReport]:
    """Takes new ratings into a model's states.

    Args:
      base: the model, which stays as it is.
      ratings: in any order; at any time, of anybody.

    Returns:
      The updated network, to be exported, and what happened.
    """
    begin, before = time.perf_counter(), base.load_model()
    early = ratings.timestamp < before.metadata.cutoff
    later = take_rows(ratings, ~early)
    network, table = with_newbies(before, later.user_id, later.item_id)
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
    until = max(before.until, 1 + int(new.timestamp.max(initial=0)))
    return network._replace(states=rolled.states, later=taken, until=until), report


def _joined(known: LaterRatings, given: LaterRatings) -> tuple[LaterRatings, npt.NDArray[np.int64]]:
    """Both, each user, item and time once; and the positions of the given ones that are new."""
    both = concatenate_rows([known, given])
    order = np.lexsort((both.timestamp, both.item, both.user))  # stable
    both = take_rows(both, order)
    first = np.ones(len(order), bool)
    first[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in both])
    fresh = order[first] - len(known.user)
    return take_rows(both, first), np.sort(fresh[fresh >= 0])
