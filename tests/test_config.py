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
from rrn_tf.setting_files import parse_yaml


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
        ("trainig.epochs=2", r"^no such setting 'trainig'; did you mean training\?$"),
        ("epochs=2", r"^no such setting 'epochs'; did you mean training.epochs\?$"),
        ("training.units=2", r"^no such setting 'training.units'; did you mean model.units\?$"),
        ("data.split.cutof=2", r"^no such setting 'data.split.cutof'; did you mean data.split.cutoff\?$"),
        ("nothing=2", "^no such setting 'nothing'; expected one of data, model, training$"),
        ("training=2", "^training: expected a section with settings of its own, found 2$"),
        ("training.epochs=[1", r"^training.epochs=\[1: the value is not readable as YAML: expected .* in line 1$"),
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
    ("overrides", "said"),
    [
        (["model.inputs=ratings"], "model.include_opposite_state=true with model.inputs=ratings: set .*=false, or"),
        (["model.cell=gru"], "model.ensemble=2 with model.cell=gru: set model.ensemble=1, or model.cell=lstm"),
        (["model.stationary=1"], "model.stationary=1 with training.pretraining=bias: set model.stationary=2, or"),
    ],
)
def test_names_both_of_two_settings_that_exclude_one_another(overrides: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_config("rrn-plus", overrides)


def test_names_the_file_where_it_is_at_fault(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("training:\n  epoch: 7\n")
    with pytest.raises(ConfigError, match=r"c.yaml: no such setting 'training.epoch'; did you mean training.epochs\?$"):
        load_config(file)
    file.write_text("training: {epochs: 7}\n")
    with pytest.raises(ConfigError, match=r"^training\.seed: "):
        load_config(file, ["training.seed=x"])
    with pytest.raises(ConfigError, match=r"^rrn-pluss: no such .* or preset; did you mean rrn-plus\? \(presets: "):
        load_config("rrn-pluss")


def test_a_folder_with_the_name_of_a_preset_does_not_hide_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rrn-plus").mkdir()
    (tmp_path / "other").mkdir()
    assert load_config("rrn-plus").model.ensemble == 2
    with pytest.raises(ConfigError, match="other: expected a file, found a folder"):
        load_config("other")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"a: [", r"not readable as YAML: expected the node content, but found '<stream end>' in line 1"),
        (b"a: 1\nb: c: d", "not readable as YAML: mapping values are not allowed here in line 2"),
        (b"- 1", "expected names and their values"),
        (b"a: " + b"[" * 5000 + b"]" * 5000, "not readable as YAML: nested too deeply$"),
        (b"a: \xff", "found bytes that are not UTF-8 text"),
    ],
)
def test_refuses_files_that_are_no_configuration(text: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(text)
    with pytest.raises(ConfigError, match=said):
        load_config(tmp_path / "c.yaml")
    with pytest.raises(ConfigError, match="no such configuration file or preset"):
        load_config("paper-nothing")


def test_a_message_stays_short_whatever_aliases_make_of_a_value(tmp_path: Path) -> None:
    lists = ["&0 [x]", *(f"&{i} [{', '.join([f'*{i - 1}'] * 9)}]" for i in range(1, 5))]
    (tmp_path / "c.yaml").write_text("training:\n  epochs:\n" + "".join(f"  - {one}\n" for one in lists))
    with pytest.raises(ConfigError, match=r"training\.epochs: .*, found \[\[") as error:
        load_config(tmp_path / "c.yaml")
    assert len(str(error.value)) < 1000


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


GROWING = "- &0 {value}\n" + "".join(f"- &{i} {{open}}{', '.join([f'*{i - 1}'] * 9)}{{close}}\n" for i in range(1, 40))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(GROWING.format(value="[x]", open="[", close="]"), "more than 100,000", id="lists"),
        pytest.param(GROWING.format(value="{x: 1}", open="{<<: [", close="]}"), "more than 100,000", id="merged"),
        ("&0 [*0]", "an alias within"),
        ("!!python/object/apply:os.getcwd []", "could not determine a constructor"),
        *((text, "a value does not fit") for text in ("0b_", "!!bool maybe", "!!int ''", "!!timestamp x", "!!float x")),
    ],
)
def test_yaml_that_grows_or_names_code_is_one_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^not readable as YAML: {message}[^\n]*$"):
        parse_yaml(text)
