"""The same training twice, in processes with different hash seeds: the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.recommended import TINY, TINY_EVENTS, event_frame, rating_frame

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
CASES = {
    "rrn": (rating_frame, {**TINY, "model.ensemble": 2}),
    "crnn": (event_frame, TINY_EVENTS),
}
# Seconds, memory, times and the temporary folder in the names of tables: see docs/updates.md.
OTHERWISE = ("metrics.json", "checkpoint", "saved_model.pb", "fingerprint.pb", "model/assets.extra/checksums.json")


def trained(data: Path, output: Path, kind: str, settings: Mapping[str, Any], hash_seed: int) -> dict[str, bytes]:
    """The files of a run by their names."""
    settings_given = [f"--set={name}={value}" for name, value in settings.items()]
    given = [f"--model={kind}", f"--data={data}", f"--output={output}", *settings_given]
    command = [sys.executable, "-m", "rrn_tf.cli", "train", *given]
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    files = {path.relative_to(output).as_posix(): path for path in output.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in files.items()
        if not name.endswith(OTHERWISE) and not name.startswith(("logs/", "checkpoints/progress/"))
    }


@pytest.mark.parametrize("kind", CASES)
def test_two_processes_write_the_same_bytes(kind: str, tmp_path: Path) -> None:
    make, settings = CASES[kind]
    frame: pd.DataFrame = make()
    frame.to_csv(tmp_path / "data.csv", index=False)
    one, other = (trained(tmp_path / "data.csv", tmp_path / str(seed), kind, settings, seed) for seed in (0, 1))
    assert sorted(one) == sorted(other)
    assert [name for name in one if one[name] != other[name]] == []
    weights = [name for name in one if name.startswith(("model/variables/", "checkpoints/best/"))]
    assert len(weights) >= 4
    assert any(name.endswith(".tfrecord.gz") or "sequences" in name for name in one)
