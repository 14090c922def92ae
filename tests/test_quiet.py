"""Notes of TensorFlow and XLA are not heard, errors are."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from rrn_tf.quiet import QuietImport, _without_notes

_COMPILES = """
import os
from rrn_tf.quiet import quiet_xla
quiet_xla()
import tensorflow as tf
print(float(tf.function(lambda x: x * 2, jit_compile=True)(tf.ones([]))))
os.write(2, b"an error\\n")
"""


def test_all_but_notes_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with _without_notes():
        os.write(2, b"I0000 00:00:1 service.cc:145] XLA service\nE0000 00:00:1 x.cc:9] out of memory\nAborted")
    os.write(2, b"!")
    assert capfd.readouterr().err == "E0000 00:00:1 x.cc:9] out of memory\nAborted!"


class Noisy(Loader):
    resources = "kept"

    def exec_module(self, module: ModuleType) -> None:
        os.write(2, b"I0000 00:00:1 port.cc:153] oneDNN is on\nE0000 00:00:1 x.cc:9] no memory\n")


def test_tensorflow_is_imported_without_notes(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    finder = QuietImport()
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    monkeypatch.setattr("rrn_tf.quiet.find_spec", lambda name: ModuleSpec(name, Noisy()))
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    assert finder.find_spec("tensorflow") is None
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    assert finder.find_spec("tensorflow_hub") is None
    found = finder.find_spec("tensorflow")
    assert finder not in sys.meta_path
    assert found
    assert found.loader
    found.loader.exec_module(ModuleType("tensorflow"))
    assert found.loader.resources == "kept"
    assert capfd.readouterr().err == "E0000 00:00:1 x.cc:9] no memory\n"


@pytest.mark.slow
@pytest.mark.parametrize("level", ["3", "0"])
def test_a_fresh_process_compiles_without_a_word(level: str) -> None:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": level, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", _COMPILES], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "2.0\n"
    assert done.stderr.endswith("an error\n")
    assert (done.stderr == "an error\n") == (level == "3")
