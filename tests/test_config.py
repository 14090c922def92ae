"""Configuration at the edge: YAML, overrides, errors in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from rrn_tf.cli.options import resolved_config
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import (
    Config,
    ConfigError,
    config_from_dict,
    config_to_dict,
    dump_config,
    load_config,
    parse_duration,
)


def test_what_is_dumped_loads_to_the_same_configuration(tmp_path: Path) -> None:
    config = load_config(None, ["training.epochs=3", "data.split.cutoff=2005-12-01", "model.cell=gru"])
    dump_config(config, tmp_path / "config.yaml")
    assert load_config(tmp_path / "config.yaml") == config
    assert config_from_dict(config_to_dict(config)) == config
    assert config.data.split.cutoff_seconds == 1_133_395_200
    assert config != Config()


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("training: {epochs: 7, seed: 3}\n")
    config = load_config(tmp_path / "c.yaml", ["training.epochs=2"])
    assert (config.training.epochs, config.training.seed) == (2, 3)


def test_an_old_name_is_read_and_the_new_one_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(FutureWarning, match="pooled=False is an old name: say matrices=personal"):
        config = load_config("crnn-plus", ["model.pooled=false"], CollaborativeConfig)
    assert config.model.matrices == "personal", "an override wins over the preset's new name"
    dump_config(config, tmp_path / "new.yaml")
    assert "pooled" not in (tmp_path / "new.yaml").read_text()
    (tmp_path / "old.yaml").write_text("model: {pooled: true}\n")
    with pytest.warns(FutureWarning, match="pooled=True"):
        assert load_config(tmp_path / "old.yaml", kind=CollaborativeConfig).model.matrices == "shared"
    assert resolved_config("crnn-plus", ("model.pooled=false",), CollaborativeConfig).model.matrices == "personal"
    assert capsys.readouterr().err == "pooled=False is an old name: say matrices=personal\n"
    with pytest.warns(FutureWarning, match="pooled=True"):
        config = load_config(tmp_path / "old.yaml", ["model.matrices=personal"], CollaborativeConfig)
    assert config.model.matrices == "personal", "an override wins over the file's old name"


def test_low_rank_is_of_a_mixture() -> None:
    with pytest.raises(ConfigError, match="matrices should be shared or personal without mixture=true, found low-rank"):
        load_config(overrides=["model.matrices=low-rank"], kind=CollaborativeConfig)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("training.epoch=3", r"^no such setting 'training.epoch'; did you mean training.epochs\?$"),
        ("training.epochs=many", "training.epochs: .*integer.*found 'many'"),
        ("training.epochs=-1", "training.epochs: .*greater than or equal to 0.*found -1"),
        ("data.user_granularity=fortnight", "expected a duration such as .*found 'fortnight'"),
        ("data.split.cutoff=soon", "expected a year, an ISO date or time .*found 'soon'"),
        ("training.epochs", "expected an override such as .*found 'training.epochs'"),
        ("training.epochs.deep=1", "is a value, not a section"),
    ],
)
def test_says_what_was_expected_and_found(override: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("training: {epochs: 7}\n")
    with pytest.raises(ConfigError, match=said) as error:
        load_config(tmp_path / "c.yaml", [override])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"), [("a: [", "not readable as YAML"), ("- 1", "expected names and their values")]
)
def test_refuses_files_that_are_no_configuration(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError, match=said):
        load_config(tmp_path / "c.yaml")
    with pytest.raises(ConfigError, match="no such configuration file or preset"):
        load_config("paper-nothing")


def test_durations() -> None:
    assert [parse_duration(text) for text in ("30min", "1d", "7d", "1w")] == [1800, 86_400, 604_800, 604_800]
    for bad in ("0d", "1.5d", "d", "-1d"):
        with pytest.raises(ValueError, match="expected a duration"):
            parse_duration(bad)


def test_old_names_of_a_rating_model_are_read() -> None:
    with pytest.warns(FutureWarning) as told:
        config = load_config("rrn-plus", ["model.implicit=false", "model.members=3", "model.clock=gap"])
    model = config.model
    assert (model.include_opposite_state, model.ensemble, model.time_feature) == (False, 3, "delta")
    assert "clock=gap is an old name: say time_feature=delta" in {str(warning.message) for warning in told}
