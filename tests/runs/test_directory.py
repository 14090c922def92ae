"""A run directory is filled once."""

from __future__ import annotations

from pathlib import Path

import pytest

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import dump_config
from rrn_tf.runs.directory import ResumeError, RunPaths, prepare_once


def test_a_run_of_an_earlier_version_that_says_nothing_of_validation_goes_on(tmp_path: Path) -> None:
    paths, config = RunPaths(tmp_path), CollaborativeConfig()
    dump_config(config, paths.config)
    paths.source.write_text('{"data": "a.csv"}')
    own = {"data": "a.csv", "valid": None}
    assert prepare_once(paths, config, own, pytest.fail, resume=True)
    for other in (own | {"valid": "b.csv"}, own | {"data": "b.csv"}):
        with pytest.raises(ResumeError, match="expected the run's own data"):
            prepare_once(paths, config, other, pytest.fail, resume=True)
