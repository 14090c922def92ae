"""Parts enter as far as validation supports them: none is followed against the evidence, and the whole is no worse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rrn_tf.config import config_from_dict
from rrn_tf.data.synthetic import SyntheticConfig, generate
from rrn_tf.models.rrn import PartWeights, UserWeights
from rrn_tf.training.alternating import TrainingResult, train
from rrn_tf.training.parts import ValidationTable, weigh_users
from tests.prepared import write_synthetic

RANGE = (-100.0, 100.0)
N = 4_000


@pytest.fixture
def truth(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(3, 1, N)


def weigh(parts: list[np.ndarray], truth: np.ndarray, moved: np.ndarray) -> tuple[UserWeights, float]:
    columns = (np.stack(parts, axis=1), truth, np.arange(N) // 4, moved, np.full(N, 1 / N))
    return weigh_users(ValidationTable(*columns), RANGE)


def test_weights_are_those_of_least_squares_for_each_kind_of_user(truth: np.ndarray, rng: np.random.Generator) -> None:
    moved = rng.random(N) < 0.5
    noisy = [truth + rng.normal(0, scale, N) for scale in (0.5, 1.0)]
    # The second part is better for users who have moved.
    noisy[1] = np.where(moved, truth + rng.normal(0, 0.2, N), noisy[1])
    weights, error = weigh(noisy, truth, moved)
    for of, kind in zip(weights, (~moved, moved), strict=True):
        design = np.column_stack([part[kind] for part in noisy] + [np.ones(kind.sum())])
        np.testing.assert_allclose(of, np.linalg.lstsq(design, truth[kind], rcond=None)[0], rtol=1e-4, atol=1e-4)
    assert weights.moved.factors > weights.resting.factors
    assert error < min(np.sqrt(np.mean((part - truth) ** 2)) for part in noisy)


@pytest.mark.parametrize("useless", ["noise", "constant", "contrary"])
def test_a_part_that_says_nothing_has_no_weight(useless: str, truth: np.ndarray, rng: np.random.Generator) -> None:
    said = {"noise": rng.normal(0, 1, N), "constant": 2 + 1e-3 * rng.normal(0, 1, N), "contrary": -truth}[useless]
    good = truth + rng.normal(0, 0.5, N)
    weights, error = weigh([said, good], truth, np.zeros(N, bool))
    assert weights.resting == weights.moved
    assert weights.resting.network == pytest.approx(0, abs=0.03)
    assert error <= np.sqrt(np.mean((good - truth) ** 2))


def test_few_ratings_of_one_kind_of_users_have_no_weights_of_their_own(
    truth: np.ndarray, rng: np.random.Generator
) -> None:
    moved = np.arange(N) < 50
    weights, _ = weigh([truth + rng.normal(0, 1, N), truth + rng.normal(0, 1, N)], truth, moved)
    assert weights.resting == weights.moved


def test_a_network_alone_stays_as_it_is(truth: np.ndarray) -> None:
    weights, error = weigh([truth + 1], truth, np.zeros(N, bool))
    assert weights == UserWeights(PartWeights(1, 0, 0), PartWeights(1, 0, 0))
    assert error == pytest.approx(1)


def trained(directory: Path, signal: float) -> TrainingResult:
    data = SyntheticConfig(
        users=250, items=60, ratings=7_400, days=120, factors=2, bias_share=0.2, signal=signal, noise=0.5, seed=2
    )
    sizes = {"units": 8, "embedding": 8, "dynamic": 4, "stationary": 0, "bayesian_factors": 4}
    settings = {
        "model": {"inputs": "innovations", "include_opposite_state": True, "time_feature": "delta", **sizes},
        "training": {"epochs": 4, "learning_rate": 5e-3, "network_l2": 1e-5, "selection": "both"},
    }
    return train(write_synthetic(generate(data), directory / "data"), directory / "run", config_from_dict(settings))


@pytest.mark.slow
def test_the_whole_is_no_worse_than_its_best_part(tmp_path: Path) -> None:
    result = trained(tmp_path, 1.0)
    for protocol, parts in result.parts["test"].items():
        alone = min(parts["network"], parts["factors"])
        assert parts["whole"] < 1.01 * alone, (protocol, parts)
        assert parts["whole"] == pytest.approx(result.metrics["test"][protocol]["rmse"], rel=1e-6)
    drifts = {protocol: parts["factors"] for protocol, parts in result.parts["test"].items()}
    assert drifts["streaming"] < 0.95 * drifts["frozen"], "tastes drift: factors follow them"


@pytest.mark.slow
def test_where_there_is_nothing_to_say_nothing_is_said(tmp_path: Path) -> None:
    result = trained(tmp_path, 0.0)
    rows = np.arange(len(result.sequences.user.rating))
    assert np.std(result.states.predict(rows)) < 0.1
