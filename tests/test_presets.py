"""The presets hold the papers' choices."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.published_counts import PUBLISHED
from rrn_tf.collaborative_config import CollaborativeConfig, EventDataConfig
from rrn_tf.config import PRESETS, Config, load_config

DAY, MONTH = 86_400, 2_629_800
PAPERS = {
    "paper-netflix": (DAY, 7 * DAY, 20, "pmf"),
    "paper-imdb": (2 * MONTH, 2 * MONTH, 160, "u-autorec"),
}
# Set, units, epochs, learning rate, last chunks of training and first ones of validation kept.
EVENT_PAPERS = {
    "paper-brightkite": ("brightkite", 32, 25, 0.0075, 0, 0),
    "paper-lastfm": ("lastfm-1k-ids", 128, 10, 0.01, 80, 8),
}


@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_preset_loads_by_its_name_and_fits_any_data(path: Path) -> None:
    kind = CollaborativeConfig if path.stem in (*EVENT_PAPERS, "crnn-plus") else Config
    config = load_config(path.stem, kind=kind)
    assert config != kind()
    if isinstance(config, Config):
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


@pytest.mark.parametrize("name", EVENT_PAPERS)
def test_choices_of_the_collaborative_rnn_paper(name: str) -> None:
    source, units, epochs, learning_rate, last_chunks, valid_chunks = EVENT_PAPERS[name]
    config = load_config(name, kind=CollaborativeConfig)
    assert config.data == EventDataConfig(min_user_entropy=PUBLISHED[source].min_user_entropy, validation=False)
    sizes = config.model
    assert (sizes.cell, sizes.matrices, sizes.units, sizes.activation) == ("gru", "personal", units, "sigmoid")
    training = config.training
    assert (training.epochs, training.patience) == (epochs, 0)
    assert (training.users_per_batch, training.chunk, training.last_chunks) == (20, 64, last_chunks)
    assert (training.learning_rate, training.rho) == (learning_rate, 0.997)
    assert (training.softmax, training.selection, training.valid_chunks) == ("full", "interleaved", valid_chunks)


def test_one_preset_serves_both_protocols() -> None:
    assert load_config("rrn-plus-streaming") == load_config("rrn-plus")
    assert load_config("rrn-plus").training.selection == "both"
