"""Metrics of predicted events: the mean over a user's events, then over users.

Users are the unit that was sampled, so standard errors are those of a mean over users. Two models are compared on the
same events by the paired difference, whose error is far smaller than that of either mean.
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
    """The mean over users of the mean of a value over each user's events.

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
    """Negative log-likelihood, in nats: the paper's metric.

    Args:
      log_probability: float[N], of the item of each event.
      user: int[N].
    """
    return over_users(-np.asarray(log_probability, np.float64), user)


def nll_difference(log_probability: Values, reference: Values, user: Users) -> Estimate:
    """The NLL of a model less that of another on the same events; negative where the first is better.

    Args:
      log_probability, reference: float[N], of the two models.
      user: int[N].
    """
    if np.shape(log_probability) != np.shape(reference):
        raise ValueError(
            f"both models should have one shape [N], received {np.shape(log_probability)} and {np.shape(reference)}"
        )
    return nll(np.asarray(log_probability, np.float64) - reference, user)


def hits(rank: Values, k: int) -> npt.NDArray[np.float64]:
    """1 for each event whose item is among the first k, else 0: float64[N]."""
    return (_checked(rank) <= k).astype(np.float64)


def reciprocal_ranks(rank: Values) -> npt.NDArray[np.float64]:
    """1 / rank of each event: float64[N]; its mean is the MRR."""
    return 1 / _checked(rank)


def discounted_gains(rank: Values, k: int) -> npt.NDArray[np.float64]:
    """1 / log2(1 + rank) of each event whose item is among the first k, else 0: float64[N].

    Its mean is NDCG@k, since one item is right and the ideal gain is 1.

    Reference:
      Jarvelin and Kekalainen, Cumulated Gain-Based Evaluation of IR Techniques, 2002.
    """
    return hits(rank, k) / np.log2(1 + _checked(rank))


def training_entropy(sequences: EventSequences) -> npt.NDArray[np.float64]:
    """Shannon entropy, in nats, of each user's training items: float64[U + 1], 0 without training events."""
    train = sequences.split == Split.TRAIN
    pair, count = np.unique(
        sequences.user[train].astype(np.int64) * (sequences.num_items + 1) + sequences.item[train], return_counts=True
    )
    user, total = pair // (sequences.num_items + 1), sequences.counts([Split.TRAIN])
    share = count / total[user]
    return np.bincount(user, -share * np.log(share), len(total)).astype(np.float64)


def entropy_bins(entropy: Values, bins: int = 3) -> npt.NDArray[np.int64]:
    """Divides users into bins of equal numbers by rising entropy, equal entropies in the order given.

    Args:
      entropy: float[U], of the users.
      bins: how many.

    Returns:
      int64[U], from 0, the lowest entropies. Numbers of users differ by one where they do not divide.
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
