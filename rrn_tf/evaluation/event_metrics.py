"""Metrics of predicted events, averaged over each user's events and then over users.

Users are the sampling unit, so standard errors are those of a mean over users. Two models are compared by the paired
difference on the same events, which has a far smaller error than either mean.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.event_scores import user_means
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split

Values = npt.NDArray[np.floating]
Users = npt.NDArray[np.integer]


class Estimate(NamedTuple):
    """A mean over users and its standard error: NaN without events, the error also with one user."""

    value: float
    standard_error: float


def over_users(values: Values, user: Users) -> Estimate:
    """Averages a value over each user's events, and the result over users.

    Args:
      values: float[N], one for each event.
      user: int[N], the user of each event.

    Raises:
      ValueError: for different shapes, or values that are not finite.
    """
    _, means = user_means(values, user)
    if len(means) < 2:
        return Estimate(float(means[0]) if len(means) else float("nan"), float("nan"))
    return Estimate(float(means.mean()), float(means.std(ddof=1) / np.sqrt(len(means))))


def nll(log_probability: Values, user: Users) -> Estimate:
    """Computes the negative log-likelihood, in nats, which is the paper's metric.

    Args:
      log_probability: float[N], log-probability of the item of each event.
      user: int[N], the user of each event.
    """
    return over_users(-np.asarray(log_probability, np.float64), user)


def nll_difference(log_probability: Values, reference: Values, user: Users) -> Estimate:
    """Computes the NLL of a model less that of another on the same events; negative if the first is better.

    Args:
      log_probability, reference: float[N], log-probabilities of the items by the two models.
      user: int[N], the user of each event.
    """
    if np.shape(log_probability) != np.shape(reference):
        raise ValueError(
            f"both models should have one shape [N], received {np.shape(log_probability)} and {np.shape(reference)}"
        )
    return nll(np.asarray(log_probability, np.float64) - reference, user)


def hits(rank: Values, k: int) -> npt.NDArray[np.float64]:
    """Returns 1 for each event with its item among the first k, else 0: float64[N]."""
    return (_checked(rank) <= k).astype(np.float64)


def reciprocal_ranks(rank: Values) -> npt.NDArray[np.float64]:
    """Returns 1 / rank of each event: float64[N]; its mean is the MRR."""
    return 1 / _checked(rank)


def discounted_gains(rank: Values, k: int) -> npt.NDArray[np.float64]:
    """Returns 1 / log2(1 + rank) for each event with its item among the first k, else 0: float64[N].

    Its mean is NDCG@k, since one item is right and the ideal gain is 1.

    Reference:
      Jarvelin and Kekalainen, Cumulated Gain-Based Evaluation of IR Techniques, 2002.
    """
    return hits(rank, k) / np.log2(1 + _checked(rank))


def training_entropy(sequences: EventSequences) -> npt.NDArray[np.float64]:
    """Computes the entropy, in nats, of each user's training items: float64[U + 1], 0 without training events."""
    train = sequences.split == Split.TRAIN
    pair, count = np.unique(
        sequences.user[train].astype(np.int64) * (sequences.num_items + 1) + sequences.item[train], return_counts=True
    )
    user, total = pair // (sequences.num_items + 1), sequences.counts([Split.TRAIN])
    fraction = count / total[user]
    return np.bincount(user, -fraction * np.log(fraction), len(total)).astype(np.float64)


def entropy_bins(entropy: Values, bins: int = 3) -> npt.NDArray[np.int64]:
    """Divides users into bins of equal size by ascending entropy; users of equal entropy keep their order.

    Args:
      entropy: float[U], entropy of each user.
      bins: number of bins.

    Returns:
      int64[U], bin of each user, 0 for the lowest entropies. Sizes of bins differ by at most one.
    """
    order = np.argsort(entropy, kind="stable")
    found = np.empty(len(order), np.int64)
    found[order] = np.arange(len(order)) * bins // max(len(order), 1)
    return found


def _checked(rank: Values) -> npt.NDArray[np.float64]:
    rank = np.asarray(rank, np.float64)
    if not (rank >= 1).all():
        raise ValueError(f"ranks should be at least 1, received {rank.min()}")
    return rank
