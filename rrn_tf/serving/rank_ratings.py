"""Ranks later ratings among all items by a saved RRN, each as of its own time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.data.arrays import concatenated_ranges
from rrn_tf.data.event_scores import middle_ranks
from rrn_tf.data.rows import SideRatings
from rrn_tf.data.wallclock import step_of
from rrn_tf.evaluation.protocols import STREAMING
from rrn_tf.features import SIDES, Side
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.state_tables import StateTable
from rrn_tf.states.advance import advance, with_newbies
from rrn_tf.states.snapshot import RRNSnapshot

_CELLS = 1 << 22  # scores that are in memory at once
_UPDATES = 32  # the most updates of the states under the streaming protocol
Rows = npt.NDArray[np.int64]


class RankedRatings(NamedTuple):
    """The relevant ratings that can be ranked, N of them, in order of user and time.

    Attributes:
      row: int64[N], positions among the given ratings.
      rank: float32[N], rank of the item among all that its user has not rated before, from 1; items of equal scores
        have the middle of their ranks.
      in_list: int64[N], number of the list; ratings of one user and second share a list.
      repeated: number of relevant ratings of items that their user has rated before, which no list has.
      unknown: number of relevant ratings of items that the model does not know.
    """

    row: Rows
    rank: npt.NDArray[np.float32]
    in_list: Rows
    repeated: int
    unknown: int


def rank_ratings(
    saved: SavedRRN,
    user_id: npt.NDArray[np.object_],
    item_id: npt.NDArray[np.object_],
    timestamp: npt.NDArray[np.int64],
    rating: npt.NDArray[np.float32],
    protocol: str,
    relevant_from: float,
) -> RankedRatings:
    """Ranks the item of each relevant rating among all items that the model knows, as of the time of the rating.

    Left out of a list is what its user has rated before, in the model's data or at an earlier second of the given
    ratings. Frozen states know no given rating. Streaming states take in the given ratings after the cutoff at up to 32
    points of time, which divide them evenly: a list knows those from before its point and none from its own step.

    Args:
      saved: the saved model.
      user_id, item_id: object[N], ids.
      timestamp: int64[N], unix seconds.
      rating: float32[N].
      protocol: see `rrn_tf.evaluation.protocols`.
      relevant_from: the least rating that is relevant.
    """
    network, table = with_newbies(saved.load_model(), user_id, item_id)
    catalogue = len(saved.ids(Side.ITEM))
    order = np.lexsort((timestamp, table.entity))
    table = table._replace(timestamp=timestamp, rating=rating).take(order)
    seen = _Seen(network, table)
    relevant = table.rating >= relevant_from
    unknown, repeated = table.opposite > catalogue, seen.repeated()
    asked = np.flatnonzero(relevant & ~unknown & ~repeated)
    rank = np.empty(len(asked), np.float32)
    for now, rows in _with_states(network, table, asked, protocol):
        rank[np.searchsorted(asked, rows)] = _ranks(now, table, rows, seen, catalogue)
    return RankedRatings(
        row=order[asked],
        rank=rank,
        in_list=seen.first[asked],
        repeated=int((relevant & ~unknown & repeated).sum()),
        unknown=int((relevant & unknown).sum()),
    )


class _Seen:
    """What users have rated before each of N ratings, which are in order of user and time.

    Attributes:
      first: int64[N], the first rating of the same user and second.
    """

    def __init__(self, network: RRNSnapshot, table: SideRatings) -> None:
        user, time = table.entity.astype(np.int64), table.timestamp
        self._item, self._user = table.opposite.astype(np.int64), user
        begins = np.flatnonzero(np.diff(user, prepend=-1) != 0)
        self._begin = np.repeat(begins, np.diff(begins, append=len(user)))
        changes = np.flatnonzero((np.diff(user, prepend=-1) != 0) | (np.diff(time, prepend=time[:1] - 1) != 0))
        self.first = np.repeat(changes, np.diff(changes, append=len(user)))
        self._held = network.rated_items()

    def before(self, row: Rows) -> tuple[Rows, Rows]:
        """Returns, for ratings int64[M], pairs of a number below M and an item that its user has rated before."""
        begin, count = self._begin[row], self.first[row] - self._begin[row]
        numbers = [np.repeat(np.arange(len(row)), count)]
        items: list[npt.NDArray[np.integer]] = [self._item[concatenated_ranges(begin, count)]]
        for splits, held in self._held:
            begin, count = splits[self._user[row]], np.diff(splits)[self._user[row]]
            numbers.append(np.repeat(np.arange(len(row)), count))
            items.append(held[concatenated_ranges(begin, count)])
        return np.concatenate(numbers), np.concatenate(items)

    def repeated(self) -> npt.NDArray[np.bool_]:
        """Returns whether the user of each rating has rated its item before: bool[N]."""
        frame = pd.DataFrame({"user": self._user, "item": self._item, "first": self.first})
        again: npt.NDArray[np.bool_] = frame.groupby(["user", "item"])["first"].transform("min").to_numpy() < self.first
        base = 1 + int(max(items.max(initial=0) for items in (self._item, *(held for _, held in self._held))))
        for splits, held in self._held:
            owner = np.repeat(np.arange(len(splits) - 1), np.diff(splits))
            again |= np.isin(self._user * base + self._item, owner * base + held)
        return again


def _with_states(
    network: RRNSnapshot, table: SideRatings, asked: Rows, protocol: str
) -> Iterator[tuple[RRNSnapshot, Rows]]:
    """Yields the network with the states at some point of time, and the asked ratings that are ranked by them."""
    if protocol != STREAMING:
        yield network, asked
        return
    metadata, time = network.metadata, table.timestamp
    # Points are where steps of the finer side begin, so that ratings of one step are ranked by the same states.
    finest = min(metadata.granularity(side) for side in SIDES)
    step = np.maximum(step_of(time, metadata.cutoff, finest), -1)
    steps, count = np.unique(step, return_counts=True)
    share = np.cumsum(count) - count
    begins = np.unique((share * _UPDATES) // max(len(time), 1), return_index=True)[1]
    points = steps[begins]
    point = np.searchsorted(points, step, side="right")
    taken = 0
    for number in np.unique(point[asked]):
        new = np.flatnonzero((point > taken) & (point < number) & (step >= 0))
        if len(new):
            network = network._replace(states=advance(network, table.take(new)).states)
        taken = number - 1
        yield network, asked[point[asked] == number]


def _ranks(network: RRNSnapshot, table: SideRatings, row: Rows, seen: _Seen, catalogue: int) -> npt.NDArray[np.float32]:
    """Computes the ranks of the items of ratings at rows int64[M] by a network's states: float32[M]."""
    time, ranks = table.timestamp[row], np.empty(len(row), np.float32)
    with tempfile.TemporaryDirectory(prefix="rrn-ranking-") as folder:
        users, items = (StateTable(side, network, Path(folder, side.vocabulary_file)) for side in SIDES)
    vectors = users.distinct_vectors(table.entity[row].astype(np.int64), users.step(time)).numpy()
    every, item_step = np.arange(1, catalogue + 1), items.step(time).numpy()
    block = max(_CELLS // max(catalogue, 1), 1)
    for step in np.unique(item_step):
        of_items = items.distinct_vectors(every, np.full(catalogue, step)).numpy().T
        inside = np.flatnonzero(item_step == step)
        for begin in range(0, len(inside), block):
            part = inside[begin : begin + block]
            scores = vectors[part] @ of_items
            number, item = seen.before(row[part])
            known = item <= catalogue
            scores[number[known], item[known] - 1] = -np.inf
            ranks[part] = middle_ranks(scores, table.opposite[row[part]].astype(np.int64) - 1)
    return ranks
