"""Means over runs of one setting, and only of one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.data.event_scores import positions_of, user_means
from rrn_tf.evaluation.event_leaderboard import EventScores
from rrn_tf.features import Split
from rrn_tf.runs.repeated_runs import means_of_runs, repeated_settings
from tests.events import uniform_events


def of_seed(seed: int, units: int = 4) -> CollaborativeConfig:
    config = CollaborativeConfig()
    return replace(config, model=replace(config.model, units=units), training=replace(config.training, seed=seed))


def test_runs_are_of_one_setting_where_they_differ_in_their_seed_alone() -> None:
    configs = [of_seed(0), of_seed(1), of_seed(2)]
    names = ["C-GRU a", "C-GRU b", "C-GRU c"]
    assert repeated_settings(["C-GRU"] * 3, names, configs) == {"C-GRU": [0, 1, 2]}
    mixed = [of_seed(0), of_seed(0, units=5), of_seed(1), of_seed(1, units=5), of_seed(0, units=6)]
    names = [f"C-GRU {name}" for name in "abcde"]
    assert repeated_settings(["C-GRU"] * 5, names, mixed) == {"C-GRU a, c": [0, 2], "C-GRU b, d": [1, 3]}
    assert repeated_settings(["C-GRU"] * 2, names[:2], mixed[:2]) == {}


def test_the_error_is_that_of_the_paired_difference_to_the_best_baseline() -> None:
    sequences, rng = uniform_events(0), np.random.default_rng(0)
    positions = positions_of(sequences, [Split.TEST])
    user = sequences.user[positions]
    common = -2 - sequences.user[positions] / 3 + 0.1 * rng.standard_normal(len(positions))

    def scores(shift: float) -> EventScores:
        log_p = common + shift + 0.05 * rng.standard_normal(len(positions))
        return EventScores(log_p.astype(np.float32), np.ones(len(positions), np.float32), None, 1)

    found = {"a": scores(0.0), "b": scores(0.2), "weak": scores(-1.0), "strong": scores(-0.3)}
    mean = means_of_runs({"C-GRU": ["a", "b"]}, ["weak", "strong"], found, sequences, positions)["C-GRU"]
    assert (mean["runs"], mean["best_baseline"]) == (2, "strong")
    losses = [-user_means(found[name].log_probability, user)[1] for name in ("a", "b", "strong")]
    by_user = (losses[0] + losses[1]) / 2 - losses[2]
    assert mean["nll"] == pytest.approx(np.mean(losses[:2]))
    assert mean["standard_deviation"] == pytest.approx(np.std([losses[0].mean(), losses[1].mean()], ddof=1), rel=1e-5)
    assert mean["difference"] == pytest.approx(by_user.mean(), rel=1e-5)
    assert mean["standard_error"] == pytest.approx(by_user.std(ddof=1) / np.sqrt(len(by_user)), rel=1e-5)
    assert mean["standard_error"] < 0.1 * np.std(losses[0], ddof=1) / np.sqrt(len(by_user))
