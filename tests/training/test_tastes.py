"""Tastes: planted ones are found, noise has none, and they make later ratings less surprising."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from rrn_tf.config import config_from_dict
from rrn_tf.data.synthetic import SyntheticConfig, generate
from rrn_tf.features import SIDES
from rrn_tf.models.tastes import Tastes, TasteScale
from rrn_tf.training.alternating import TrainingResult, train
from rrn_tf.training.taste_fit import FittedTastes, iterate_tastes
from tests.prepared import write_synthetic

USERS, ITEMS = 150, 60


def fitted(residual_of: str, rng: np.random.Generator) -> tuple[FittedTastes, np.ndarray, np.ndarray, np.ndarray]:
    """A fit of residuals that are planted products of two factors with noise, or noise alone."""
    user, item = np.divmod(rng.choice(USERS * ITEMS, 4_000, replace=False), ITEMS)
    planted = np.einsum("uk,ik->ui", rng.normal(size=(USERS, 2)), rng.normal(size=(ITEMS, 2)))
    residual = rng.normal(size=len(user)) + (planted[user, item] if residual_of == "tastes" else 0)
    sweeps = iterate_tastes(user + 1, item + 1, residual, (USERS, ITEMS), factors=4, share=0.5)
    return next(itertools.islice(sweeps, 29, None)), planted, user, item


def test_planted_tastes_are_found(rng: np.random.Generator) -> None:
    fit, planted, user, item = fitted("tastes", rng)
    said = np.einsum("uk,ik->ui", fit.means[0][1:], fit.means[1][1:])
    unseen = np.ones((USERS, ITEMS), bool)
    unseen[user, item] = False
    assert np.mean((planted - said)[unseen] ** 2) < 0.35 * np.mean(planted[unseen] ** 2)
    assert fit.noise == pytest.approx(1, abs=0.2)
    for mean, variance in zip(fit.means, fit.variances, strict=True):
        assert not mean[0].any()
        np.testing.assert_allclose(variance[0], fit.prior, rtol=1e-5)
        assert (variance[1:] < fit.prior).all()


def test_noise_says_next_to_nothing(rng: np.random.Generator) -> None:
    fit, *_ = fitted("noise", rng)
    said = np.einsum("uk,ik->ui", fit.means[0][1:], fit.means[1][1:])
    assert np.std(said) < 0.25


def test_a_closed_step_is_a_regression(rng: np.random.Generator) -> None:
    scale = TasteScale(noise=0.5, prior=2.0, drift=0.25)
    vectors, errors = rng.normal(size=(6, 3)), rng.normal(size=6)
    before = Tastes.of(rng.normal(size=(2, 3)).astype(np.float32), np.full((2, 3), 0.8, np.float32))
    opened = before._replace(
        precision=np.stack([vectors.T @ vectors / 0.5, np.zeros((3, 3))]).astype(np.float32),
        pull=np.stack([vectors.T @ errors / 0.5, np.zeros(3)]).astype(np.float32),
    )
    after = opened.closed(scale)
    design = np.concatenate([vectors / np.sqrt(0.5), np.eye(3) / np.sqrt(0.8)])
    ridge = np.linalg.lstsq(design, np.concatenate([errors / np.sqrt(0.5), np.zeros(3)]), rcond=None)[0]
    np.testing.assert_allclose(after.mean[0], before.mean[0] + ridge, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(after.mean[1], before.mean[1])
    np.testing.assert_allclose(after.variance[1], 1.0, rtol=1e-6)
    assert (after.variance[0] < 0.8).all()
    assert not after.precision.any()


def trained(directory: Path, signal: float, taste: int) -> TrainingResult:
    data = SyntheticConfig(
        users=250, items=60, ratings=7_400, days=120, factors=2, bias_share=0.2, signal=signal, noise=0.5, seed=2
    )
    settings = {
        "model": {
            "inputs": "innovations",
            "implicit": True,
            "clock": "gap",
            "units": 8,
            "embedding": 8,
            "dynamic": 4,
            "stationary": 0,
            "taste": taste,
        },
        "training": {"epochs": 4, "learning_rate": 5e-3, "network_l2": 1e-5, "rows_per_batch": 512},
    }
    prepared = directory / "data"
    if not prepared.exists():
        write_synthetic(generate(data), prepared)
    return train(prepared, directory / str(taste), config_from_dict(settings))


@pytest.mark.slow
def test_drifting_tastes_are_followed(tmp_path: Path) -> None:
    without, with_tastes = (trained(tmp_path, 1.0, taste).metrics["test"] for taste in (0, 4))
    for protocol, gain in (("frozen", 0.02), ("streaming", 0.08)):
        assert with_tastes[protocol]["rmse"] < (1 - gain) * without[protocol]["rmse"], (without, with_tastes)
    streaming, frozen = (with_tastes[protocol]["rmse"] for protocol in ("streaming", "frozen"))
    assert streaming < 0.95 * frozen


@pytest.mark.slow
def test_where_there_are_none_nothing_is_said(tmp_path: Path) -> None:
    result = trained(tmp_path, 0.0, 4)
    means = [result.model.trained_tastes(side).mean for side in SIDES]
    said = np.einsum("uk,ik->ui", *means)
    assert np.std(said) < 0.1
