"""Figures of ranked lists of items, from the ranks of the relevant ratings in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rrn_tf.evaluation.event_figures import figures
from rrn_tf.evaluation.event_metrics import Values, discounted_gains, hits, reciprocal_ranks

RELEVANT_FROM = "relevant_from"  # the least rating that is relevant
RANKED_USERS, RANKED_LISTS, RANKED_RATINGS = "ranked_users", "ranked_lists", "ranked_ratings"


def relevant_by_default(lowest: float, highest: float) -> float:
    """Returns the rating from which on an item is relevant: three quarters of the way from the lowest to the highest.

    Example:
      >>> relevant_by_default(1, 5), relevant_by_default(0.5, 5)
      (4.0, 3.875)
    """
    return lowest + 0.75 * (highest - lowest)


def ranking_figures(
    rank: Values, in_list: npt.NDArray[np.integer], user: npt.NDArray[np.integer], ks: Sequence[int]
) -> dict[str, Any]:
    """Computes figures of lists, averaged over the lists of each user and then over users, with standard errors.

    Args:
      rank: float[N], rank of each relevant rating in its list, from 1.
      in_list: int[N], the list of each rating.
      user: int[N], the user of each rating, the same within a list.
      ks: lengths k of the lists.

    Returns:
      For each k: ``hit@k``, whether any relevant item is among the first k; ``recall@k``, the fraction of the relevant
      items that are; ``ndcg@k``, whose ideal has all relevant items first. Also ``mrr``, of the first relevant item
      wherever it is; ``..._standard_error`` of each, over users; and the numbers of users, lists and ratings.

    Reference:
      Jarvelin and Kekalainen, Cumulated Gain-Based Evaluation of IR Techniques, 2002.
    """
    order = np.argsort(in_list, kind="stable")
    rank, (_, first, count) = rank[order], np.unique(in_list[order], return_index=True, return_counts=True)
    values: dict[str, Values] = {}
    best = np.minimum.reduceat(rank, first) if len(first) else np.empty(0)
    ideal = np.cumsum(1 / np.log2(np.arange(2, count.max(initial=0) + 2)))
    for k in ks:
        values[f"hit@{k}"] = hits(best, k)
        values[f"recall@{k}"] = _sums(hits(rank, k), first) / count
        values[f"ndcg@{k}"] = _sums(discounted_gains(rank, k), first) / ideal[np.minimum(count, k) - 1]
    values["mrr"] = reciprocal_ranks(best)
    found = figures(values, user[order][first])
    users, lists = found.pop("users"), found.pop("n")
    return {**found, RANKED_USERS: users, RANKED_LISTS: lists, RANKED_RATINGS: len(rank)}


def _sums(values: npt.NDArray[np.float64], first: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    return np.add.reduceat(values, first) if len(first) else np.empty(0)
