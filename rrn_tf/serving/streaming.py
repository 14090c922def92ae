"""Streaming predictions of later ratings by a saved model, without retraining (Section 4.5)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rrn_tf.columns import text_ids, unix_seconds
from rrn_tf.features import ITEM_ID, USER_ID
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.states.advance import advance, with_newbies


def predict_streaming(
    saved: SavedRRN, user_id: npt.ArrayLike, item_id: npt.ArrayLike, timestamp: npt.ArrayLike, rating: npt.ArrayLike
) -> npt.NDArray[np.float32]:
    """Predicts each rating from the ratings of the saved model and all given ratings of strictly earlier steps.

    On both sides, a prediction observes only steps that ended before the rating's own step. New users and items start
    as newbies and have a state after their first ratings. The saved model is not changed (see `rrn_tf.states.advance`).

    Args:
      saved: the model.
      user_id, item_id: N ids, as in `rrn_tf.columns.text_ids`.
      timestamp: N times, as in `rrn_tf.columns.unix_seconds`, at or after the cutoff.
      rating: float32[N], the ratings.

    Returns:
      float32[N], clipped to the range of the training ratings.

    Raises:
      ValueError: for a rating before the cutoff, which the states include already.
    """
    users, items = text_ids(user_id, USER_ID), text_ids(item_id, ITEM_ID)
    times, ratings = unix_seconds(timestamp), np.asarray(rating, np.float32)
    network, table = with_newbies(saved.load_model(), users, items)
    return advance(network, table._replace(timestamp=times, rating=ratings)).predicted
