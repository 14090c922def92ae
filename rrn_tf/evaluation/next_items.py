"""What a network expected before each event of a user, and what came."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rrn_tf.evaluation.experiments.subjects import EventSubject
from rrn_tf.features import Split

COLUMNS = ("event", "timestamp", "split", "item", "probability", "rank", "items", "probabilities")


def next_items_through(subject: EventSubject, user: str, k: int = 10, latest: int | None = None) -> pd.DataFrame:
    """Returns the most probable items before each event of a user, beside the item that came.

    Each row is computed from the user's earlier events and, for a mixture with a clock, the time of the event, but not
    from its item nor from anything later of this user. The network's weights come from the training events, so only
    rows of the other splits show how well it foresees what it has not been trained on.

    Args:
      subject: the network and its events.
      user: id of the user.
      k: how many of the most probable items to return; at most all items.
      latest: how many of the user's events to return, the latest ones; all by default.

    Returns:
      One row for each event, in order of time: ``event``, its number, from 1; ``timestamp``, in unix seconds;
      ``split``: ``train``, ``valid`` or ``test``; ``item``, its item's id; ``probability`` and ``rank`` of that item,
      rank 1 for the most probable and the middle of the ranks where several are as probable; ``items``, a list of the
      ids of the `k` most probable items, the most probable first, and ``probabilities``, theirs.

    Raises:
      ValueError: for a user without events here, and for `k` or `latest` below 1.
    """
    if min(k, 1 if latest is None else latest) < 1:
        raise ValueError(f"expected k and latest of 1 or more, found k={k} and latest={latest}")
    sequences, model = subject.foresight
    found = np.flatnonzero(sequences.user_ids == user)
    if not len(found):
        raise ValueError(f"expected the id of a user among the {sequences.num_users:,} with events, found {user!r}")
    begin, end = sequences.user_splits[found[0] + 1 : found[0] + 3]
    positions = np.arange(begin if latest is None else max(begin, end - latest), end)
    answers = model.answers(sequences, positions, likeliest=k)
    assert answers.likeliest is not None
    columns = (
        positions - begin + 1,
        sequences.timestamp[positions],
        np.array([split.label for split in Split], object)[sequences.split[positions]],
        sequences.item_ids[sequences.item[positions] - 1],
        np.exp(answers.log_probability),
        answers.rank,
        sequences.item_ids[answers.likeliest.item - 1].tolist(),
        np.exp(answers.likeliest.log_probability).tolist(),
    )
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))
