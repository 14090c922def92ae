"""Streaming predictions of later ratings by a saved model, without retraining (Section 4.5)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rrn_tf.columns import check_lengths, ratings, text_ids, unix_seconds
from rrn_tf.features import ITEM_ID, RATING, TIMESTAMP, USER_ID
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
      rating: N ratings, as in `rrn_tf.columns.ratings`.

    Returns:
      float32[N], clipped to the range of the training ratings.

    Raises:
      TypeError: for ids, times or ratings of other types.
      ValueError: for a rating before the cutoff, which the states include already, and for values that are missing,
        cannot be used or are not as many as the others.
    """
    users, items = text_ids(user_id, USER_ID), text_ids(item_id, ITEM_ID)
    times, values = unix_seconds(timestamp), ratings(rating)
    check_lengths(**{USER_ID: users, ITEM_ID: items, TIMESTAMP: times, RATING: values})
    network, table = with_newbies(saved.load_model(), users, items)
    return advance(network, table._replace(timestamp=times, rating=values)).predicted
