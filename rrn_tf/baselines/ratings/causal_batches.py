"""Rounds of ratings, so that a causal loop runs over few batches of ratings instead of single ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rrn_tf.data.interactions import Interactions
from rrn_tf.data.topological_order import longest_paths

Positions = npt.NDArray[np.int64]


def rounds_of(ratings: Interactions) -> list[Positions]:
    """Divides ratings into rounds, each of which depends on earlier rounds alone.

    Ratings of one timestamp are in one round, and every earlier rating of their users and items is in an
    earlier one; each timestamp is in the first round that allows it. A model that predicts all ratings of a round
    before it learns from them therefore predicts each from ratings with strictly smaller timestamps, and all
    ratings of an entity within a round have one timestamp.

    Args:
      ratings: N ratings in any order.

    Returns:
      The positions of each round, int64 and ascending; together they are 0..N-1. If few timestamps repeat, there are
      somewhat more rounds than the entity with the most ratings has ratings.
    """
    if not len(ratings):
        return []
    _, moment = np.unique(ratings.timestamp, return_inverse=True)
    before, after = np.concatenate([_successions(side, moment) for side in (ratings.user, ratings.item)], axis=1)
    moments = int(moment.max()) + 1
    round_of = longest_paths(before, after, moments)[moment]
    order = np.argsort(round_of, kind="stable")
    return np.split(order, np.cumsum(np.bincount(round_of))[:-1])


def _successions(entity: npt.NDArray[np.integer], moment: Positions) -> Positions:
    """Pairs the consecutive distinct timestamps of every entity: int64[2, K]."""
    order = np.lexsort((moment, entity))
    entity, moment = entity[order], moment[order]
    follows = np.flatnonzero((entity[1:] == entity[:-1]) & (moment[1:] != moment[:-1]))
    return np.stack([moment[follows], moment[follows + 1]])
