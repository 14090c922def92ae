"""Options of the pipelines: one declaration for the command, the programs and the environment."""

from __future__ import annotations

from typing import Any

import click
import pytest

from rrn_tf.cli.pipeline_options import RunOptions, UpdateOptions, arguments, parsed

NONE = RunOptions()


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "MODEL",
        "OUTPUT",
        "BEAM_ARGS",
        "DATA",
        "ITEMS",
        "CONFIG",
        "TUNE",
        "UPDATE_DATA",
        "SPAN",
        "BASE_MODEL",
    ):
        monkeypatch.delenv(f"RRN_{name}", raising=False)


def run(*argv: str) -> RunOptions:
    return parsed(RunOptions, argv, "program")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {
            "model": "crnn",
            "data": "a b.csv",
            "items": "c d.csv",
            "beam_args": "--direct_num_workers=1 -x",
            "no_cache": True,
        },
        {
            "set": ("model.units=3", "training.epochs=1"),
            "tune": 0.5,
            "space": "s.yaml",
            "max_rmse": 0.0,
            "max_nll": 7.0,
        },
    ],
)
def test_what_the_command_passes_on_is_what_the_program_reads(values: dict[str, Any]) -> None:
    options = RunOptions(**values)
    assert run(*arguments(options)) == options


def test_the_environment_gives_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run() == NONE
    monkeypatch.setenv("RRN_TUNE", "2")
    monkeypatch.setenv("RRN_MODEL", "crnn")
    monkeypatch.setenv("RRN_CONFIG", "")
    assert run("--model", "rrn") == RunOptions(tune=2.0)
    monkeypatch.setenv("RRN_SPAN", "3")
    updated = parsed(UpdateOptions, ["--max-rmse-increase", "0.1"], "program")
    assert updated == UpdateOptions(model="crnn", span=3, max_increase=0.1)


def test_bad_options_are_usage_errors() -> None:
    with pytest.raises(click.UsageError, match="--max-rsme"):
        run("--max-rsme", "1")
    with pytest.raises(click.UsageError, match="'soon' is not a valid float"):
        run("--tune", "soon")
