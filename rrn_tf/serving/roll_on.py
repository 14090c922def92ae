"""Later ratings move a network's states, nothing retrained (Section 4.5)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.data.rows import SideRatings
from rrn_tf.data.sequences import sequences_in_memory
from rrn_tf.data.wallclock import step_of
from rrn_tf.evaluation.protocols import streaming_states
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.serving.saved_rrn import LoadedRRN

_ROWS_PER_BATCH = 8_192
# Ratings whose rows are in memory at once.
PIECE = 250_000


class RolledOn(NamedTuple):
    """What N later ratings did.

    Attributes:
      network: as before, its states rolled on, its ids those of new users and items too.
      user, item: int32[N], indices.
      predicted: float32[N], each rating as it was expected before it was revealed.
      late: bool[N], whose step, on either side, came before one that the entity had had ratings of already.
    """

    network: LoadedRRN
    user: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    predicted: npt.NDArray[np.float32]
    late: npt.NDArray[np.bool_]


def roll_on(
    network: LoadedRRN,
    user_id: npt.ArrayLike,
    item_id: npt.ArrayLike,
    timestamp: npt.ArrayLike,
    rating: npt.ArrayLike,
    *,
    piece: int = PIECE,
) -> RolledOn:
    """Predicts each rating from all of strictly earlier steps on either side, and then takes it in.

    Nothing depends on the order of the ratings or, to the rounding of single precision, on how they are divided among
    calls in order of time, be it in the middle of a step: the step in which an entity's ratings end stays open. A
    *late* rating, of a step before that one, cannot enter a state that has moved on: it is taken for a rating of the
    open step, predicted by its state and fed to the next one. Users and items that are new start as newbies.

    Args:
      network: with the states to go on from.
      user_id, item_id: strings [N].
      timestamp: int64[N], unix seconds, at or after the training cutoff.
      rating: float32[N].
      piece: ratings taken in at once, earlier ones first.

    Raises:
      ValueError: for a rating before the cutoff, which the states have seen already.
    """
    times, metadata = np.asarray(timestamp, np.int64), network.metadata
    if len(times) and times.min() < metadata.cutoff:
        raise ValueError(f"ratings should be at or after the cutoff {metadata.cutoff}, received {times.min()}")
    index, ids, states = {}, {}, {}
    for side, names in ((Side.USER, user_id), (Side.ITEM, item_id)):
        index[side], ids[side] = _indices(np.asarray(names, dtype=object), network.ids[side])
        states[side] = network.states[side].enlarged(network.model, side, len(ids[side]))
    late = np.zeros(len(times), bool)
    for side in SIDES:
        step = step_of(times, metadata.cutoff, metadata.granularity(side))
        late |= step < states[side].last_step.numpy()[index[side]]
    table = SideRatings(
        entity=index[Side.USER],
        opposite=index[Side.ITEM],
        rating=np.asarray(rating, np.float32),
        timestamp=times,
        split=np.full(len(times), Split.TEST, dtype=np.uint8),
    )
    predicted, in_time = np.empty(len(times), np.float32), np.argsort(times, kind="stable")
    for begin in range(0, len(times), piece):
        rows = in_time[begin : begin + piece]
        open_step = {side: states[side].last_step.numpy() for side in SIDES}
        chosen = table.take(rows)
        sequences, order = sequences_in_memory(chosen, ids[Side.USER], ids[Side.ITEM], metadata, open_step)
        rolled = streaming_states(network.model, sequences, _ROWS_PER_BATCH, states)
        predicted[rows[order]] = rolled.predict(np.arange(len(rows)))
        states = rolled.entities
    grown = network._replace(states=states, ids=ids)
    return RolledOn(grown, index[Side.USER], index[Side.ITEM], predicted, late)


def _indices(
    ids: npt.NDArray[np.object_], known: npt.NDArray[np.object_]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.object_]]:
    """Indices from 1 of ids, new ones after the known ones, and the ids in order of their indices."""
    names = np.concatenate([known, np.sort(pd.Index(ids).unique().difference(pd.Index(known)).to_numpy())])
    return pd.Categorical(ids, categories=names).codes.astype(np.int32) + 1, names
