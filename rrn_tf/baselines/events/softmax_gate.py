"""A gate that computes the weight of each distribution of a mixture at each event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

from rrn_tf.baselines.events.protocol import mean_nll
from rrn_tf.data.shared_counts import ABSENT

Values = npt.NDArray[np.float64]
Users = npt.NDArray[np.integer]

_CONSTANT_SPREAD = 3.0  # prior standard deviation of the constants
_FOLDS = 4
_ITERATIONS = 300


class SoftmaxGate(NamedTuple):
    """Mixes distributions: log p(x) = logsumexp_k(log_softmax_k(b_k + <f, w_k>) + log p_k(x)).

    Absent distributions k, which a user may not have yet, are left out of the softmax.

    Attributes:
      constant: float64[K], bias b of each distribution.
      slope: float64[F, K], weight w of each feature for each distribution.
    """

    constant: Values
    slope: Values

    def log_weights(self, features: Values, log_p: Values) -> Values:
        """Computes the log mixture weight of each distribution at each event, -1e9 for absent ones: float64[N, K].

        Args:
          features: float64[N, F], features f of the events.
          log_p: float64[N, K], log-probability of any item under each distribution; below -5e8 where it is absent.
        """
        logits = np.where(log_p > ABSENT / 2, self.constant + features @ self.slope, ABSENT)
        return np.asarray(log_softmax(logits, axis=1))

    def log_probabilities(self, features: Values, log_p: Values) -> Values:
        """Computes the log-probability of each item under the mixture: float64[N]; arguments as `log_weights`."""
        return np.asarray(logsumexp(self.log_weights(features, log_p) + log_p, axis=1))


def fit_gate(features: Values, log_p: Values, user: Users, spread: float) -> SoftmaxGate:
    """Fits a gate by its maximum a posteriori, with normal priors around 0 and the mean log-likelihood of each user.

    Args:
      features, log_p: features and log-probabilities of N events, as in `SoftmaxGate.log_weights`.
      user: int[N], the user of each event.
      spread: prior standard deviation of the slopes.
    """
    count, width = log_p.shape[1], features.shape[1]
    inputs = np.concatenate([np.ones((len(user), 1)), features], axis=1)
    weight = 1 / np.bincount(user)[user]
    prior = np.array([_CONSTANT_SPREAD**-2, *[spread**-2] * width])[:, np.newaxis]

    def gate(parameters: Values) -> SoftmaxGate:
        table = parameters.reshape(width + 1, count)
        return SoftmaxGate(table[0], table[1:])

    def objective(parameters: Values) -> tuple[float, Values]:
        log_weights = gate(parameters).log_weights(features, log_p)
        joint = log_weights + log_p
        found = logsumexp(joint, axis=1, keepdims=True)
        error = weight[:, np.newaxis] * (np.exp(log_weights) - np.exp(joint - found))
        table = parameters.reshape(width + 1, count)
        loss = -float(weight @ found[:, 0]) + 0.5 * float((prior * table**2).sum())
        return loss, (inputs.T @ error + prior * table).ravel()

    start = np.zeros((width + 1) * count)
    return gate(minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS}).x)


def choose_gate(features: Values, log_p: Values, user: Users, spreads: Sequence[float]) -> tuple[SoftmaxGate, float]:
    """Chooses the spread by cross-validation over users; returns the gate fitted to all and its cross-validated NLL.

    Args:
      features, log_p, user: as in `fit_gate`.
      spreads: prior standard deviations of the slopes to choose from.
    """
    fold = np.unique(user, return_inverse=True)[1] % _FOLDS

    def held_out_nll(spread: float) -> float:
        found = np.empty(len(user))
        for number in range(_FOLDS):
            there = fold == number
            fitted = fit_gate(features[~there], log_p[~there], user[~there], spread)
            found[there] = fitted.log_probabilities(features[there], log_p[there])
        return mean_nll(found, user)

    scores = [held_out_nll(spread) for spread in spreads]
    best = int(np.argmin(scores))
    return fit_gate(features, log_p, user, spreads[best]), scores[best]
