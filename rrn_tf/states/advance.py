"""Updates a network's states by later ratings without retraining (Section 4.5)."""

from __future__ import annotations

import gc
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.data.arrays import take_rows
from rrn_tf.data.rows import SideRatings
from rrn_tf.data.sequences import sequences_in_memory
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.states.entity_states import EntityStates
from rrn_tf.states.snapshot import LaterRatings, RRNSnapshot
from rrn_tf.states.streaming import streaming_states

_ROWS_PER_BATCH = 8_192
# Number of ratings whose sequences are in memory at once.
PIECE = 1_000_000


class Advanced(NamedTuple):
    """The result of updating states by N later ratings.

    Attributes:
      states: per side, the states after the ratings.
      predicted: float32[N], the prediction of each rating before it was revealed.
      late: bool[N], whether a rating lies, on either side, before a step that already holds ratings of its entity.
    """

    states: dict[Side, EntityStates]
    predicted: npt.NDArray[np.float32]
    late: npt.NDArray[np.bool_]


def with_newbies(
    network: RRNSnapshot, user_id: npt.ArrayLike, item_id: npt.ArrayLike, *, by_id: bool = False
) -> tuple[RRNSnapshot, SideRatings]:
    """Adds the unknown users and items of N ratings to a network, as newbies.

    Args:
      network: the network; its users and items keep their indices.
      user_id, item_id: strings [N].
      by_id: whether all entities without training ratings, the network's too, are numbered in order of their ids. Then
        results do not depend on how ratings are divided among calls; else known ones keep their indices.

    Returns:
      The network, and a table of the ratings' indices; its other columns are 0.
    """
    index, ids, states, moved = {}, {}, {}, {}
    for side, names in ((Side.USER, user_id), (Side.ITEM, item_id)):
        kept = network.metadata.entities(side).trained if by_id else len(network.ids[side])
        index[side], ids[side], moved[side] = _indices(np.asarray(names, dtype=object), network.ids[side], kept)
        states[side] = network.states[side].enlarged(network.model, side, len(ids[side]), moved[side])
    rows = len(index[Side.USER])
    table = SideRatings(
        entity=index[Side.USER],
        opposite=index[Side.ITEM],
        rating=np.zeros(rows, np.float32),
        timestamp=np.zeros(rows, np.int64),
        split=np.full(rows, Split.TEST, dtype=np.uint8),
    )
    user, item, timestamp = network.later
    later = LaterRatings(moved[Side.USER][user], moved[Side.ITEM][item], timestamp)
    later = take_rows(later, np.lexsort((later.timestamp, later.item, later.user)))
    return network._replace(ids=ids, states=states, later=later), table


def advance(network: RRNSnapshot, ratings: SideRatings, *, piece: int = PIECE) -> Advanced:
    """Predicts each rating from all ratings of strictly earlier steps on either side, and updates the states by it.

    The result depends neither on the order of the ratings nor, to the bit, on how they are divided among calls in order
    of time (with entities numbered `by_id`), even in the middle of a step: each entity's last step stays pending. Only
    if ratings of one entity and second are divided do sums have another order, which rounds otherwise. A *late* rating,
    which belongs before that step, cannot enter a state that has already advanced: it counts as a rating of the pending
    step, is predicted by its state and becomes an input of the next one. New users and items start as newbies.

    Args:
      network: the network, with the states to start from and all users and items (`with_newbies`).
      ratings: N ratings from the user side, at or after the training cutoff.
      piece: number of ratings processed at once, earlier ones first; those of the last one's second are added.

    Raises:
      ValueError: for a rating before the cutoff, which the states already include.
    """
    times, metadata, states = ratings.timestamp, network.metadata, network.states
    if len(times) and times.min() < metadata.cutoff:
        raise ValueError(f"ratings should be at or after the cutoff {metadata.cutoff}, received {times.min()}")
    late = np.zeros(len(times), bool)
    for side, entity in ((Side.USER, ratings.entity), (Side.ITEM, ratings.opposite)):
        late |= states[side].pending_steps.are_after(entity, times, metadata.cutoff, metadata.step_rule(side))
    predicted, in_time = np.empty(len(times), np.float32), np.argsort(times, kind="stable")
    sorted_times, begin = times[in_time], 0
    while begin < len(times):
        last = sorted_times[min(begin + piece, len(times)) - 1]
        end = int(np.searchsorted(sorted_times, last, side="right"))
        rows, begin = in_time[begin:end], end
        pending = {side: states[side].pending_steps for side in SIDES}
        users, items = network.ids[Side.USER], network.ids[Side.ITEM]
        sequences, order = sequences_in_memory(ratings.take(rows), users, items, metadata, pending)
        rolled = streaming_states(network.model, sequences, _ROWS_PER_BATCH, states)
        predicted[rows[order]] = rolled.predict(np.arange(len(rows)))
        states = rolled.entities
        # Traced functions refer to themselves, so their tables would stay in memory until Python collects garbage.
        del rolled
        gc.collect()
    return Advanced(states, predicted, late)


def _indices(
    ids: npt.NDArray[np.object_], known: npt.NDArray[np.object_], kept: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.object_], npt.NDArray[np.int32]]:
    """Numbers ids from 1: the first `kept` of the known ones as they are, then all others in order.

    Returns:
      The indices of the ids, all ids in order of their indices, and the new index of each old one, 0 included.
    """
    new = pd.Index(ids).unique().difference(pd.Index(known)).to_numpy()
    names = np.concatenate([known[:kept], np.sort(np.concatenate([known[kept:], new]))])
    found, moved = (pd.Categorical(of, categories=names).codes.astype(np.int32) + 1 for of in (ids, known))
    return found, names, np.concatenate([np.zeros(1, np.int32), moved])
