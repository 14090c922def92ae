"""Later ratings through a saved model, step by step, nothing retrained (Section 4.5)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.states.advance import advance, with_newbies


def predict_streaming(
    saved: SavedRRN, user_id: npt.ArrayLike, item_id: npt.ArrayLike, timestamp: npt.ArrayLike, rating: npt.ArrayLike
) -> npt.NDArray[np.float32]:
    """Predicts each rating from the ratings that the model has seen and every given rating of a strictly earlier step.

    On either side, what a rating's prediction has seen ended before the rating's own step began. Unseen users and
    items start as newbies and gain a state with their first ratings. The saved model itself stays as it is: see
    `rrn_tf.states.advance`.

    Args:
      saved: the model.
      user_id, item_id: strings [N].
      timestamp: int64[N], unix seconds, at or after the cutoff.
      rating: float32[N].

    Returns:
      float32[N], within the range of the training ratings.

    Raises:
      ValueError: for a rating before the cutoff, which the states have seen already.
    """
    network, table = with_newbies(saved.load_model(), user_id, item_id)
    times, ratings = np.asarray(timestamp, np.int64), np.asarray(rating, np.float32)
    return advance(network, table._replace(timestamp=times, rating=ratings)).predicted
