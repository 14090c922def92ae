"""Search spaces: what they hold, and one line for what they may not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import CRNN_PLUS, Config, ConfigError, config_from_dict, config_to_dict, load_config
from rrn_tf.tuning.space import Range, SearchSpace, setting, with_settings

BASE = Config()


def space(**settings: Any) -> SearchSpace:
    return SearchSpace.from_dict({path.replace("__", "."): of for path, of in settings.items()}, BASE)


def test_values_have_the_type_of_their_setting() -> None:
    found = space(
        model__units=[24, 40, 24], training__network_l2=[0, 1e-3], training__learning_rate={"min": "1e-4", "max": 1e-2}
    )
    assert found.settings == {
        "model.units": (24, 40),
        "training.network_l2": (0.0, 1e-3),
        "training.learning_rate": Range(1e-4, 1e-2, log=False),
    }
    assert isinstance(found.settings["training.network_l2"][0], float)
    assert SearchSpace.from_dict(found.to_dict(), BASE) == found


@pytest.mark.parametrize("data", [True, False])
def test_the_packaged_space_loads(data: bool) -> None:
    found = SearchSpace.load(None, BASE, data=data)
    assert (
        any(path.startswith("data.") for path in found.settings) == ("data.steps_per_doubling" in found.varied) == data
    )
    names = ("units", "dynamic", "include_opposite_state", "bayesian_factors")
    assert {*(f"model.{name}" for name in names), "training.learning_rate"} <= found.varied
    assert "model.inputs" not in found.varied
    sampled = found.hyperparameters(BASE)
    assert [entry.name for entry in sampled.space] == list(found.settings)


def test_the_packaged_space_of_events_is_of_the_default_mixture() -> None:
    base = load_config(CRNN_PLUS, kind=CollaborativeConfig)
    found = SearchSpace.load(None, base)
    assert found == SearchSpace.load(None, base, data=False)
    assert {
        "model.units",
        "model.window",
        "model.attention",
        "training.learning_rate",
        "training.dropout",
    } <= found.varied
    assert found.varied == found.settings.keys()
    assert [entry.name for entry in found.hyperparameters(base).space] == list(found.settings)


@pytest.mark.parametrize("path", ["data.min_user_events", "training.selection", "training.valid_chunks"])
def test_what_decides_which_events_are_scored_is_the_same_in_all_trials(path: str) -> None:
    with pytest.raises(ConfigError, match=rf"{path}: expected the same in all trials"):
        SearchSpace.from_dict({path: [1, 2]}, CollaborativeConfig())


def test_samples_stay_in_their_ranges() -> None:
    found = space(
        model__units={"min": 8, "max": 16}, training__learning_rate={"min": 1e-4, "max": 1e-2, "log": True}
    ).hyperparameters(BASE)
    units, rate = found.space
    draws = [(units.random_sample(seed), rate.random_sample(seed)) for seed in range(200)]
    assert {type(value) for value, _ in draws} == {int}
    assert (min(value for value, _ in draws), max(value for value, _ in draws)) == (8, 16)
    assert all(1e-4 <= value <= 1e-2 for _, value in draws)
    # Half of a logarithmic range lies below its geometric mean.
    assert sum(math.log10(value) < -3 for _, value in draws) == pytest.approx(100, abs=25)


def test_settings_of_a_trial_take_their_places() -> None:
    own = config_to_dict(BASE)
    changed = config_from_dict(with_settings(own, {"data.user_granularity": "1h", "model.units": 9}))
    assert (changed.data.user_granularity, changed.model.units) == ("1h", 9)
    assert own == config_to_dict(BASE)
    assert setting(own, "model.units") == 40


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected settings such as"),
        ("- model.units", "expected names and their values, found list"),
        (
            "model.unit: [1]",
            "model.unit: expected a setting such as model.units, found no such setting 'model.unit'; did",
        ),
        ("model: [1]", "model: expected a setting"),
        ("model.units.x: [1]", "model.units.x: expected a setting"),
        ("model.units: [0]", "model.units: Input should be greater than or equal to 1, found 0"),
        ("model.units: [many]", "model.units: Input should be a valid integer"),
        ("model.units: 24", "model.units: expected a list of values or a range {min, max, log}, found 24"),
        ("model.units: []", "model.units: expected a list of values or a range"),
        ("model.units: {min: 9, max: 3}", "expected min < max, found 9 and 3"),
        ("model.units: {min: 1}", "model.units: expected a range such as"),
        ("model.units: {min: 1.5, max: 3}", "model.units: Input should be a valid integer"),
        ("training.network_l2: {min: 0, max: 3, log: true}", "expected a positive min"),
        ("training.learning_rate_decay: {min: 0.5, max: 3}", "less than or equal to 1, found 3"),
        (
            "model.include_opposite_state: {min: 0, max: 1}",
            "model.include_opposite_state: expected a list of values, found a range",
        ),
        ("data.user_granularity: [1 fortnight]", "expected a duration"),
        ("data.split.seed: [0, 1]", "data.split.seed: expected the same in all trials"),
        ("training.selection: [frozen, streaming]", "training.selection: expected the same in all trials"),
    ],
)
def test_a_bad_space_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        SearchSpace.load(file, BASE)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


def test_prepared_data_cannot_be_prepared_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text("data.user_granularity: [1h]")
    with pytest.raises(ConfigError, match=r"data\.user_granularity: expected settings of model and training alone"):
        SearchSpace.load(file, BASE, data=False)
