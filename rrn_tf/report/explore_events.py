"""Explored events: how often items are met through time, and the next items that users were expected to meet."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.evaluation.experiments.subjects import EventSubject
from rrn_tf.evaluation.next_items import next_items_through
from rrn_tf.features import TIMESTAMP
from rrn_tf.report.explored import BEST, Ints, even_dates, indices_of, most_frequent, named, places_of, rounded
from rrn_tf.serving.similar_items import item_weights, most_similar

_LATEST = 60  # events of a user


def explore_events(subject: EventSubject) -> dict[str, Any]:
    """Computes the next items before each event of the users asked for, and what is known of the most met items.

    Args:
      subject: the trained model with its data and options.

    Returns:
      ``kind``: ``events``; ``dates``: unix seconds of D dates; ``catalogue``: the number of all items.
      ``items``: of N items ``id``, ``title`` where there are titles, ``count`` of events, ``met`` [N][D - 1], how many
      of these lie between two dates, ``near`` and ``likeness`` [N][k] as `rrn similar` says, among the items shown;
      the most met ones come first, then others that users of the page met or were expected to meet.
      ``users``: of each user asked for ``id``, ``events`` in all, and of the latest ones ``event``, its number,
      ``time``, ``split``, ``item``, ``rank``, ``probability``, ``next`` [E][k] and ``likely`` [E][k], the items
      expected before it and their probabilities.
    """
    sequences, options = subject.sequences, subject.options
    users = indices_of(options.users, sequences.user_ids)
    histories = [next_items_through(subject, str(sequences.user_ids[user - 1]), BEST, _LATEST) for user in users]
    counts = np.bincount(sequences.item, minlength=sequences.num_items + 1)
    frequent = most_frequent(counts, options.explored_items)
    shown = pd.unique(np.concatenate([frequent, *(_items_in(history, sequences.item_ids) for history in histories)]))
    dates = even_dates(sequences.timestamp)
    place = np.full(sequences.num_items + 1, -1)
    place[shown] = np.arange(len(shown))
    inside = place[sequences.item] >= 0
    span = np.searchsorted(dates[1:-1], sequences.timestamp[inside], side="right")
    met = np.zeros((len(shown), len(dates) - 1), np.int64)
    np.add.at(met, (place[sequences.item[inside]], span), 1)
    near, cosine = most_similar(item_weights(subject.network)[shown], np.arange(len(shown)), BEST)
    names = sequences.item_ids[shown - 1]
    totals = np.diff(sequences.user_splits)[users]
    return {
        "kind": "events",
        "dates": dates.tolist(),
        "catalogue": sequences.num_items,
        "items": {
            **named(names, options.items),
            "count": counts[shown].tolist(),
            "met": met.tolist(),
            "near": near.tolist(),
            "likeness": rounded(cosine),
        },
        "users": [
            {
                "id": str(sequences.user_ids[user - 1]),
                "events": int(total),
                **_columns(history, names),
            }
            for user, total, history in zip(users, totals, histories, strict=True)
        ],
    }


def _items_in(history: pd.DataFrame, item_ids: npt.NDArray[np.object_]) -> Ints:
    """Returns the indices of all items of a user's events and expectations."""
    return places_of([*history["item"], *chain.from_iterable(history["items"])], item_ids) + 1


def _columns(history: pd.DataFrame, names: npt.NDArray[np.object_]) -> dict[str, Any]:
    likely = np.array(history["probabilities"].tolist()).reshape(len(history), -1)
    expected = places_of(list(chain.from_iterable(history["items"])), names).reshape(likely.shape)
    return {
        "event": history["event"].tolist(),
        "time": history[TIMESTAMP].tolist(),
        "split": history["split"].tolist(),
        "item": places_of(history["item"].tolist(), names).tolist(),
        "rank": history["rank"].astype(float).tolist(),
        "probability": rounded(history["probability"].to_numpy(), 4),
        "next": expected.tolist(),
        "likely": rounded(likely, 4),
    }
