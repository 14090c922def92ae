"""Later ratings through a saved model, step by step, nothing retrained (Section 4.5)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.data.rows import SideRatings
from rrn_tf.data.sequences import sequences_in_memory
from rrn_tf.evaluation.protocols import streaming_states
from rrn_tf.features import Side, Split
from rrn_tf.serving.saved_rrn import SavedRRN

_ROWS_PER_BATCH = 8_192


def predict_streaming(
    saved: SavedRRN, user_id: npt.ArrayLike, item_id: npt.ArrayLike, timestamp: npt.ArrayLike, rating: npt.ArrayLike
) -> npt.NDArray[np.float32]:
    """Predicts each rating from the training ratings and every given rating of a strictly earlier step.

    On either side, what a rating's prediction has seen ended before the rating's own step began. Users and
    items unseen in training start as newbies and gain a state with their first ratings.

    Args:
      saved: the model; the states it starts from are those at its training cutoff.
      user_id, item_id: strings [N].
      timestamp: int64[N], unix seconds, at or after the cutoff.
      rating: float32[N].

    Returns:
      float32[N], within the range of the training ratings.

    Raises:
      ValueError: for a rating before the cutoff, which the states have seen already.
    """
    times, ratings = np.asarray(timestamp, np.int64), np.asarray(rating, np.float32)
    if len(times) and times.min() < saved.cutoff:
        raise ValueError(f"streaming ratings should be at or after the cutoff {saved.cutoff}, received {times.min()}")
    loaded = saved.load_model()
    index, names = {}, {}
    for side, ids in ((Side.USER, user_id), (Side.ITEM, item_id)):
        index[side], names[side] = _indices(np.asarray(ids, dtype=object), saved.ids(side))
    table = SideRatings(
        index[Side.USER], index[Side.ITEM], ratings, times, np.full(len(times), Split.TEST, dtype=np.uint8)
    )
    sequences, order = sequences_in_memory(table, names[Side.USER], names[Side.ITEM], loaded.metadata)
    states = streaming_states(loaded.model, sequences, _ROWS_PER_BATCH, loaded.states)
    predicted = np.empty(len(times), np.float32)
    predicted[order] = states.predict(np.arange(len(times)))
    return predicted


def _indices(
    ids: npt.NDArray[np.object_], trained: npt.NDArray[np.object_]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.object_]]:
    """Indices from 1 of ids, unseen ones after the trained ones, and the ids in order of their indices."""
    names = np.concatenate([trained, np.sort(pd.Index(ids).unique().difference(pd.Index(trained)).to_numpy())])
    return pd.Categorical(ids, categories=names).codes.astype(np.int32) + 1, names
