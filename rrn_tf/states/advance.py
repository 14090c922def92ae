"""Later ratings move a network's states, nothing retrained (Section 4.5)."""

from __future__ import annotations

import gc
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.data.rows import SideRatings
from rrn_tf.data.sequences import sequences_in_memory
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.states.entity_states import EntityStates
from rrn_tf.states.snapshot import RRNSnapshot
from rrn_tf.states.streaming import streaming_states

_ROWS_PER_BATCH = 8_192
# Ratings whose rows are in memory at once.
PIECE = 1_000_000


class Advanced(NamedTuple):
    """What N later ratings did.

    Attributes:
      states: per side, the states after them.
      predicted: float32[N], each rating as it was expected before it was revealed.
      late: bool[N], which came, on either side, before a step that the entity had had ratings of already.
    """

    states: dict[Side, EntityStates]
    predicted: npt.NDArray[np.float32]
    late: npt.NDArray[np.bool_]


def with_newbies(
    network: RRNSnapshot, user_id: npt.ArrayLike, item_id: npt.ArrayLike
) -> tuple[RRNSnapshot, SideRatings]:
    """A network with room for all users and items of N ratings, the new ones as newbies.

    Args:
      network: who it knows keeps its index.
      user_id, item_id: strings [N].

    Returns:
      The network, and the ratings' indices in a table whose other columns are 0.
    """
    index, ids, states = {}, {}, {}
    for side, names in ((Side.USER, user_id), (Side.ITEM, item_id)):
        index[side], ids[side] = _indices(np.asarray(names, dtype=object), network.ids[side])
        states[side] = network.states[side].enlarged(network.model, side, len(ids[side]))
    rows = len(index[Side.USER])
    table = SideRatings(
        entity=index[Side.USER],
        opposite=index[Side.ITEM],
        rating=np.zeros(rows, np.float32),
        timestamp=np.zeros(rows, np.int64),
        split=np.full(rows, Split.TEST, dtype=np.uint8),
    )
    return network._replace(ids=ids, states=states), table


def advance(network: RRNSnapshot, ratings: SideRatings, *, piece: int = PIECE) -> Advanced:
    """Predicts each rating from all of strictly earlier steps on either side, and then takes it in.

    Nothing depends on the order of the ratings or, to the rounding of single precision, on how they are divided among
    calls in order of time, be it in the middle of a step: the step in which an entity's ratings end stays open. A
    *late* rating, from before that one, cannot enter a state that has moved on: it is taken for a rating of the
    open step, predicted by its state and fed to the next one. Users and items that are new start as newbies.

    Args:
      network: with the states to go on from, and room for all users and items (`with_newbies`).
      ratings: as the user side sees them, N, at or after the training cutoff.
      piece: ratings taken in at once, earlier ones first.

    Raises:
      ValueError: for a rating before the cutoff, which the states have seen already.
    """
    times, metadata, states = ratings.timestamp, network.metadata, network.states
    if len(times) and times.min() < metadata.cutoff:
        raise ValueError(f"ratings should be at or after the cutoff {metadata.cutoff}, received {times.min()}")
    late = np.zeros(len(times), bool)
    for side, entity in ((Side.USER, ratings.entity), (Side.ITEM, ratings.opposite)):
        late |= states[side].pending_steps.are_after(entity, times, metadata.cutoff, metadata.step_rule(side))
    predicted, in_time = np.empty(len(times), np.float32), np.argsort(times, kind="stable")
    for begin in range(0, len(times), piece):
        rows = in_time[begin : begin + piece]
        pending = {side: states[side].pending_steps for side in SIDES}
        users, items = network.ids[Side.USER], network.ids[Side.ITEM]
        sequences, order = sequences_in_memory(ratings.take(rows), users, items, metadata, pending)
        rolled = streaming_states(network.model, sequences, _ROWS_PER_BATCH, states)
        predicted[rows[order]] = rolled.predict(np.arange(len(rows)))
        states = rolled.entities
        # Traced functions refer to themselves: their tables would stay until Python happens to look.
        del rolled
        gc.collect()
    return Advanced(states, predicted, late)


def _indices(
    ids: npt.NDArray[np.object_], known: npt.NDArray[np.object_]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.object_]]:
    """Indices from 1 of ids, new ones after the known ones, and the ids in order of their indices."""
    names = np.concatenate([known, np.sort(pd.Index(ids).unique().difference(pd.Index(known)).to_numpy())])
    return pd.Categorical(ids, categories=names).codes.astype(np.int32) + 1, names
