"""A run directory is filled once, and nothing of a finished run is touched before new data are prepared."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import dump_config
from rrn_tf.data.prepared import BadInputError
from rrn_tf.runs.directory import ResumeError, RunPaths, prepare_once

CONFIG = CollaborativeConfig()


def prepare(to: RunPaths) -> None:
    to.sequences.mkdir(parents=True)
    (to.sequences / "events.json").write_text("new")
    to.dead_letters.write_text("")


def refused(to: RunPaths) -> None:
    prepare(to)
    raise BadInputError(f"too many rows rejected; see {to.dead_letters}")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "a.csv"
    file.write_text("user_id,item_id,timestamp\nu,i,1\n")
    return file


@pytest.fixture
def run(data: Path, tmp_path: Path) -> RunPaths:
    """A run on that file, with what training left."""
    paths = RunPaths(tmp_path / "run")
    assert not prepare_once(paths, CONFIG, {"data": str(data), "valid": None}, prepare, resume=False)
    paths.checkpoints.mkdir()
    (paths.sequences / "events.json").write_text("own")
    return paths


def content(root: Path) -> dict[str, bytes]:
    return {str(file.relative_to(root)): file.read_bytes() for file in sorted(root.rglob("*")) if file.is_file()}


def test_a_run_of_an_earlier_version_that_says_nothing_of_validation_goes_on(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path)
    dump_config(CONFIG, paths.config)
    paths.source.write_text('{"data": "a.csv"}')
    own = {"data": "a.csv", "valid": None}
    assert prepare_once(paths, CONFIG, own, pytest.fail, resume=True)
    for other in (own | {"valid": "b.csv"}, own | {"data": "b.csv"}):
        with pytest.raises(ResumeError, match="expected the run's own data"):
            prepare_once(paths, CONFIG, other, pytest.fail, resume=True)


def test_data_that_cannot_be_used_leave_a_finished_run_as_it_is(run: RunPaths, data: Path) -> None:
    before = content(run.root)
    with pytest.raises(BadInputError) as found:
        prepare_once(run, CONFIG, {"data": str(data), "valid": None}, refused, resume=False)
    rejected = Path(str(found.value).rpartition(" ")[2])
    assert rejected.exists()
    rejected.unlink()
    assert content(run.root) == before
    assert run.checkpoints.is_dir()


def test_new_data_take_the_place_of_former_ones(run: RunPaths, data: Path) -> None:
    source = {"data": str(data), "valid": None}
    assert not prepare_once(run, CONFIG, source, prepare, resume=False)
    assert not run.checkpoints.exists()
    assert (run.sequences / "events.json").read_text() == "new"
    names = {path.name for path in run.root.iterdir()}
    assert names == {"config.yaml", "dead_letters.jsonl", "sequences", "source.json"}
    assert source.items() <= json.loads(run.source.read_text()).items()


def test_resuming_notices_that_the_content_of_a_file_has_changed(run: RunPaths, data: Path) -> None:
    source = {"data": str(data), "valid": None}
    os.utime(data, ns=(1, 1))
    assert prepare_once(run, CONFIG, source, pytest.fail, resume=True)  # touched, but the same
    data.write_text(data.read_text().replace(",1\n", ",2\n"))
    said = f"{data}: expected the content that {run.root} was prepared from, but the file has changed"
    with pytest.raises(ResumeError, match=said):
        prepare_once(run, CONFIG, source, pytest.fail, resume=True)
    assert not prepare_once(run, CONFIG, source, prepare, resume=False)
    assert prepare_once(run, CONFIG, source, pytest.fail, resume=True)


def test_resuming_notices_that_a_pattern_matches_other_files(data: Path, tmp_path: Path) -> None:
    run, source = RunPaths(tmp_path / "run"), {"data": str(tmp_path / "*.csv")}
    prepare_once(run, CONFIG, source, prepare, resume=False)
    (tmp_path / "b.csv").write_text(data.read_text())
    with pytest.raises(ResumeError, match=r"b\.csv: expected the content"):
        prepare_once(run, CONFIG, source, pytest.fail, resume=True)
