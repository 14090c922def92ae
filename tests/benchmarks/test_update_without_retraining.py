"""Slices of time, and what moving states gain on them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import benchmarks.update_without_retraining as benchmark
from rrn_tf.baselines.ratings.bias import UserItemBias
from rrn_tf.data.synthetic import SyntheticConfig, generate


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    made = generate(SyntheticConfig(users=60, items=35, ratings=900, days=90, seed=2))
    columns = ("user_id", "item_id", "rating", "timestamp")
    return pd.DataFrame({name: getattr(made, name) for name in columns})


def test_slices_follow_the_training_ratings_in_time(frame: pd.DataFrame) -> None:
    data = benchmark.cut(frame, 4)
    times = data.frame["timestamp"].to_numpy()
    assert data.begins[-1] == len(frame)
    assert data.begins[0] == pytest.approx(0.8 * len(frame), abs=3)
    assert data.fitted == pytest.approx(0.72 * len(frame), abs=3)
    for begin in (data.fitted, *data.begins[:-1]):
        assert times[begin - 1] < times[begin]
    with pytest.raises(ValueError, match="expected ratings at times that make 4 slices, found 5"):
        benchmark.cut(frame[:5], 4)


def test_a_retrained_model_has_seen_all_before_its_slice_and_nothing_else(frame: pd.DataFrame) -> None:
    data = benchmark.cut(frame, 3)

    def biases(data: benchmark.Slices) -> np.ndarray:
        predicted, seconds = benchmark.retrained(data, UserItemBias, lambda of: UserItemBias(of.user_l2, of.item_l2))
        assert len(seconds) == 3
        return np.split(predicted, np.cumsum(data.sizes)[:-1])

    before = biases(data)
    changed = data.frame.copy()
    changed.loc[data.begins[1] : data.begins[2] - 1, "rating"] = 1.0
    after = biases(data._replace(frame=changed))
    np.testing.assert_array_equal(before[0], after[0])
    np.testing.assert_array_equal(before[1], after[1])
    assert (before[2] != after[2]).any()


def test_gains_are_those_of_items_that_fluctuate() -> None:
    later = pd.DataFrame(
        {
            "user_id": [f"u{n}" for n in range(12)],
            "item_id": ["steady"] * 4 + ["wild"] * 4 + ["rare"] * 4,
            "rating": [3.0, 3.0, 3.1, 3.1, 1.0, 1.0, 5.0, 5.0, 1.0, 5.0, 5.0, 5.0],
        }
    )
    number = np.array([0, 0, 1, 1, 0, 0, 1, 1, 0, 1, 1, 1])
    actual = later["rating"].to_numpy()
    predicted = {benchmark.UPDATED: actual + 0.5, benchmark.FROZEN: actual + 1.0}
    steady, wild = benchmark.by_fluctuation(later, number, predicted, least=2)
    assert (steady["from"], steady["items"], steady["ratings"]) == (0.0, 1, 4)
    assert (wild["from"], wild["items"], wild["ratings"]) == (2.0, 1, 4)
    assert wild["gain"] == pytest.approx(0.5)


@pytest.mark.slow
def test_the_whole_comparison(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_csv(tmp_path / "ratings.csv", index=False)
    small = ("training.epochs=1", "model.ensemble=1", "model.units=4", "model.embedding=4", "model.dynamic=3")
    result = CliRunner().invoke(
        benchmark.main,
        [str(tmp_path / "ratings.csv"), str(tmp_path / "out"), "--slices", "2", "--least", "2"]
        + [part for setting in small for part in ("--set", setting)]
        + ["--json", str(tmp_path / "f.json"), "--markdown", str(tmp_path / "f.md")],
    )
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "f.json").read_text())
    assert figures["n"]["all"] == pytest.approx(0.2 * len(frame), abs=3)
    assert len(figures["RRN updated"]["slices"]) == len(figures["seconds"]["PMF retrained"]) == 2
    assert figures["RRN updated"]["all"]["rmse"] != figures["RRN frozen"]["all"]["rmse"]
    assert (tmp_path / "f.md").read_text().count("\n| --- |") == 3
