"""The presets hold the papers' choices."""

from __future__ import annotations

from pathlib import Path

import pytest

from rrn_tf.config import PRESETS, Config, load_config

DAY, MONTH = 86_400, 2_629_800
PAPERS = {
    "paper-netflix": (DAY, 7 * DAY, 20, "pmf"),
    "paper-imdb": (2 * MONTH, 2 * MONTH, 160, "u-autorec"),
}


@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_preset_loads_by_its_name_and_fits_any_data(path: Path) -> None:
    config = load_config(path.stem)
    assert config != Config()
    assert config.data.split.cutoff is None


@pytest.mark.parametrize("name", PAPERS)
def test_choices_of_the_rrn_paper(name: str) -> None:
    user, item, stationary, pretraining = PAPERS[name]
    config = load_config(name, ["data.split.cutoff=2005-12-01"])
    assert config.data.split.cutoff_seconds == 1_133_395_200
    assert config.data.split.drop_unseen
    assert [config.data.granularity_seconds(side) for side in ("user", "item")] == [user, item]
    sizes = config.model
    assert (sizes.cell, sizes.units, sizes.embedding, sizes.dynamic) == ("lstm", 40, 40, 20)
    assert sizes.stationary == stationary
    training = config.training
    assert (training.epochs, training.patience, training.pretraining) == (10, 0, pretraining)
    assert (training.learning_rate, training.gradient_clip) == (1.5e-3, 15)
    assert training.network_l2 == training.factor_l2 == 1e-3
