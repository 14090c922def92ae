"""`rrn run` starts the pipeline of this package, whatever lies in the working directory."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from rrn_tf.cli.run import _run_module
from tests.conftest import HAS_TFX, WITHOUT_TFX


@pytest.mark.skipif(not HAS_TFX, reason=WITHOUT_TFX)
@pytest.mark.parametrize("path", ["", "."])
def test_modules_of_the_working_directory_are_left_alone(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("pipeline.py", "schemas.py", "components/__init__.py", "click.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit('imported from the working directory')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [path, os.environ.get("PYTHONPATH")])))
    assert _run_module("pipeline.run_local", ["--set", "nothing=1", "--output", str(tmp_path / "out")], 2) == 2
    assert capfd.readouterr().err == "error: no such setting 'nothing'; expected one of data, model, training\n"


def test_its_lines_can_go_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    assert _run_module("this", [], 2) == 0
    told = capfd.readouterr()
    assert not told.out
    assert "Readability counts." in told.err


def test_it_ends_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The module tells this process to end, and would go on for longer than the test may take.
    (tmp_path / "endless.py").write_text(
        "import os, signal, time\nos.kill(os.getppid(), signal.SIGTERM)\ntime.sleep(600)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    before = signal.getsignal(signal.SIGTERM)
    assert _run_module("endless", []) == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
