"""The gate against EM, by finite differences, and where features tell which distribution is right."""

from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.baselines.events.protocol import mean_nll
from rrn_tf.baselines.events.softmax_gate import SoftmaxGate, choose_gate, fit_gate
from rrn_tf.data.shared_counts import ABSENT

EVENTS = 3_000


def two_experts(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which of two experts is right is told by the sign of the first of three features, nine times in ten."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((EVENTS, 3))
    right = (features[:, 0] > 0) ^ (rng.random(EVENTS) < 0.1)
    p = np.where(np.stack([right, ~right, np.zeros(EVENTS, bool)], axis=1), 0.8, 0.02)
    p[:, 2] = 0.1
    return features, np.log(p), rng.integers(1, 60, EVENTS)


def test_without_features_weights_are_those_of_em() -> None:
    _, log_p, user = two_experts(0)
    log_p[::3, 0] = ABSENT
    present, p = log_p > ABSENT / 2, np.exp(log_p)
    event_weight = 1 / np.bincount(user)[user]
    weights = np.full(3, 1 / 3)
    for _ in range(500):
        # What an absent distribution would weigh falls to the others.
        share = weights * p / (weights * p).sum(axis=1, keepdims=True)
        there = present / (present @ weights)[:, np.newaxis]
        weights = event_weight @ share / (event_weight @ there)
        weights /= weights.sum()
    gate = fit_gate(np.empty((EVENTS, 0)), log_p, user, 1.0)
    fitted = np.exp(gate.constant) / np.exp(gate.constant).sum()
    np.testing.assert_allclose(fitted, weights, atol=0.01)
    expected = np.log((weights * p * present).sum(axis=1) / (present @ weights))
    found = gate.log_probabilities(np.empty((EVENTS, 0)), log_p)
    assert mean_nll(found, user) == pytest.approx(mean_nll(expected, user), abs=2e-4)


def test_the_gate_is_at_the_top_of_its_posterior() -> None:
    features, log_p, user = two_experts(1)
    gate = fit_gate(features, log_p, user, 0.5)

    def objective(gate: SoftmaxGate) -> float:
        likelihood = mean_nll(gate.log_probabilities(features, log_p), user) * len(np.unique(user))
        return likelihood + (gate.slope**2).sum() / (2 * 0.5**2) + (gate.constant**2).sum() / (2 * 3.0**2)

    rng, best = np.random.default_rng(0), objective(gate)
    for _ in range(20):
        steps = (0.01 * rng.standard_normal(part.shape) for part in gate)
        assert objective(SoftmaxGate(*(part + step for part, step in zip(gate, steps, strict=True)))) > best


def test_features_that_tell_are_used_and_others_are_not() -> None:
    features, log_p, user = two_experts(2)
    told, chosen = choose_gate(features, log_p, user, (0.05, 1.0))
    untold, _ = choose_gate(features[:, :0], log_p, user, (1.0,))
    losses = [
        mean_nll(gate.log_probabilities(given, log_p), user)
        for gate, given in ((told, features), (untold, features[:, :0]))
    ]
    assert losses[0] < losses[1] - 0.1
    assert chosen == pytest.approx(losses[0], abs=0.02)
    assert (np.ptp(told.slope, axis=1)[0] > 3 * np.ptp(told.slope, axis=1)[1:]).all()


def test_absent_distributions_weigh_nothing() -> None:
    gate = SoftmaxGate(np.array([5.0, 0.0, 0.0]), np.zeros((1, 3)))
    weights = np.exp(gate.log_weights(np.zeros((1, 1)), np.array([[ABSENT, -1.0, -100.0]])))
    np.testing.assert_allclose(weights, [[0, 0.5, 0.5]])
