"""On ratings whose best reachable error is known: drift is followed, static tastes are kept, noise is left alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rrn_tf.baselines.ratings.pmf import PMF
from rrn_tf.config import DataConfig, config_from_dict
from rrn_tf.data.interactions import Interactions
from rrn_tf.data.synthetic import SyntheticConfig, SyntheticRatings, generate
from rrn_tf.evaluation.metrics import rmse
from rrn_tf.features import Split
from rrn_tf.training.alternating import train
from tests.prepared import write_synthetic

# Biases that drift, and enough ratings of everybody to follow them: knowing the other side's truth, a Kalman filter
# with the generator's own parameters still leaves an RMSE of .302, and both sides' errors together make .346.
DRIFT = SyntheticConfig(
    users=300, items=300, ratings=45_000, bias_share=1.0, drift=0.8, drift_days=90.0, noise=0.25, seed=0
)
STATIC = SyntheticConfig(users=300, items=150, ratings=15_000, static=True, noise=0.4, seed=1)
NOISE = dataclasses.replace(STATIC, signal=0.0)

pytestmark = pytest.mark.slow


def learn(ratings: SyntheticRatings, folder: Path, **training: Any) -> tuple[float, float, float, float]:
    """Test RMSE of RRN (streaming), PMF, the training mean and the generator's truth."""
    write_synthetic(ratings, folder / "data", DataConfig(shards=1, item_granularity="1d"))
    sizes = {
        "units": 16,
        "embedding": 16,
        "dynamic": 4,
        "stationary": 8,
        "inputs": "innovations",
        "time_feature": "delta",
    }
    settings = {"selection": "streaming", "learning_rate": 5e-3, "network_l2": 1e-5, "rows_per_batch": 512}
    config = config_from_dict({"model": sizes, "training": {**settings, **training}})
    result = train(folder / "data", folder / "out", config)

    known, valid, test = (result.sequences.interactions([s]) for s in (Split.TRAIN, Split.VALID, Split.TEST))
    pmf = PMF().fit(known, valid).predict(test.user, test.item)
    mean = np.full(len(test), known.rating.mean())
    return (
        result.metrics["test"]["streaming"]["rmse"],
        rmse(pmf, test.rating),
        rmse(mean, test.rating),
        best(ratings, result.sequences.queries([Split.TEST]), test),
    )


def best(ratings: SyntheticRatings, queries: dict[str, Any], test: Interactions) -> float:
    pairs = zip(ratings.user_id, ratings.item_id, strict=True)
    truth = dict(zip(pairs, ratings.expected.tolist(), strict=True))
    expected = [truth[pair] for pair in zip(queries["user_id"], queries["item_id"], strict=True)]
    return rmse(np.array(expected), test.rating)


def test_closes_most_of_the_gap_that_drift_opens(tmp_path: Path) -> None:
    found, pmf, _, reachable = learn(generate(DRIFT), tmp_path, epochs=10)
    closed = (pmf - found) / (pmf - reachable)
    assert closed >= 0.7, f"RRN {found:.4f}, PMF {pmf:.4f}, best {reachable:.4f}: {closed:.1%} of the gap"


def test_static_tastes_are_predicted_no_worse_than_by_factors(tmp_path: Path) -> None:
    found, pmf, mean, _ = learn(generate(STATIC), tmp_path, epochs=5, pretraining="pmf", pretraining_l2=0.03)
    assert pmf < mean - 0.1, "there should be something to lose"
    assert found <= pmf + 0.002, f"RRN {found:.4f}, PMF {pmf:.4f}"


def test_noise_is_not_predicted(tmp_path: Path) -> None:
    found, _, mean, _ = learn(generate(NOISE), tmp_path, epochs=5)
    assert found >= mean - 0.002, f"RRN {found:.4f}, mean {mean:.4f}"
