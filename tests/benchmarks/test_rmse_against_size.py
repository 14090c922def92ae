"""Every size is one point, of test rows alone, and is drawn."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import benchmarks.rmse_against_size as sizes
from rrn_tf.baselines.ratings.bias import UserItemBias
from rrn_tf.baselines.ratings.pmf import PMF
from rrn_tf.config import load_config
from tests.benchmarks.test_movietweetings_peers import rows


@pytest.mark.slow
def test_every_size_is_a_point(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    split = tmp_path / "tiny.npz"
    later = 10**9 + 10**7
    np.savez(split, train=rows(300, 10**9, rng), valid=rows(40, later, rng), test=rows(30, later, rng))
    monkeypatch.setattr(sizes, "NETWORKS", ((2, 4),))
    monkeypatch.setattr(sizes, "BASELINES", {"bias": [UserItemBias], "PMF": [partial(PMF, factors=k) for k in (1, 3)]})
    monkeypatch.setattr(
        sizes, "load_config", lambda name, settings: load_config(name, [*settings, "training.epochs=1"])
    )
    figure, answer = tmp_path / "figures" / "a.png", tmp_path / "a.json"
    result = CliRunner().invoke(
        sizes.main, [str(split), str(tmp_path / "runs"), "--figure", str(figure), "--json", str(answer)]
    )
    assert result.exit_code == 0, result.output
    points = [sizes.Point(**model) for model in json.loads(answer.read_text())["models"]]
    assert [point.family for point in points] == ["RRN without Bayesian factors", "RRN", "bias", "PMF", "PMF"]
    without, beside, _, one, three = (point.parameters for point in points)
    assert beside - without == (12 + 9 + 2) * 2 * (sizes.FACTORS + 1)  # biases too, and what each says of others
    assert three - 1 == 3 * (one - 1)  # and the mean
    # Ratings from 0 to 10 at random: nothing predicts them better than their mean does, by much.
    assert all(2.5 < point.test < 5 for point in points)
    assert figure.read_bytes().startswith(b"\x89PNG")
