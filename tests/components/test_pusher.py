"""Pusher: a version is there whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from tfx.components.pusher import executor as tfx_executor
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.utils import io_utils, proto_utils

from components.pusher.component import Pusher
from components.pusher.executor import DESTINATION, DRAFT, VERSION, Executor
from rrn_tf.data.model_folder import ModelNotFoundError, seal
from rrn_tf.files import OutputInUseError, only_writer_of_directory

FILES = ("saved_model.pb", "variables/variables.index", "assets.extra/metadata.json")


@pytest.fixture
def model(tmp_path: Path) -> Any:
    made = standard_artifacts.Model()
    made.uri = str(tmp_path / "artifact")
    for name in FILES:
        file = Path(made.uri, "Format-Serving", name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return made


def push(model: Any, folder: str, archive: Path) -> Any:
    to = pusher_pb2.PushDestination(filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=folder))
    pushed = standard_artifacts.PushedModel()
    pushed.uri = str(archive)
    properties = {"push_destination": proto_utils.proto_to_json(to)}
    Executor().Do({"model": [model]}, {"pushed_model": [pushed]}, properties)
    return pushed


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_version_is_whole_and_named_by_the_artifact(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tfx_executor.time, "time", lambda: 1000.5)
    served = tmp_path / "served"
    first = push(model, str(served), tmp_path / "first")
    second = push(model, str(served), tmp_path / "second")
    assert names_in(served) == {"1000", "1001"}  # TFX alone leaves out the second of one second
    for pushed, version in ((first, "1000"), (second, "1001")):
        assert pushed.get_string_custom_property(DESTINATION) == str(served / version)
        assert pushed.get_string_custom_property(VERSION) == version
        for folder in (served / version, Path(pushed.uri)):
            assert [(folder / name).read_text() for name in FILES] == list(FILES)


@pytest.mark.parametrize("copied", range(1 + len(FILES)))
def test_what_stops_halfway_leaves_no_version(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: int
) -> None:
    served, done, copy = tmp_path / "served", [], tfx_executor.io_utils.fileio.copy

    def with_space_for(source: str, place: str, overwrite: bool = False) -> None:
        if len(done) == copied:
            Path(place).write_text("half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done.append(place)
        copy(source, place, overwrite)

    with monkeypatch.context() as patch:
        patch.setattr(io_utils.fileio, "copy", with_space_for)
        with pytest.raises(OSError, match="No space left"):
            push(model, str(served), tmp_path / "archive")
    assert not served.exists() or names_in(served) == set()
    pushed = push(model, str(served), tmp_path / "again")
    assert names_in(served) == {pushed.get_string_custom_property(VERSION)}


def test_a_model_that_lost_a_file_is_not_pushed(model: Any, tmp_path: Path) -> None:
    saved = Path(model.uri, "Format-Serving")
    seal(saved)
    (saved / FILES[1]).unlink()
    with pytest.raises(
        ModelNotFoundError, match=f"expected a whole model to push, found one whose {FILES[1]} is missing"
    ):
        push(model, str(tmp_path / "served"), tmp_path / "archive")
    assert not (tmp_path / "served").exists()


def test_what_a_kill_has_left_is_removed(model: Any, tmp_path: Path) -> None:
    left = tmp_path / "served" / DRAFT / "1000"
    left.mkdir(parents=True)
    (left / "saved_model.pb").write_text("half")
    pushed = push(model, str(tmp_path / "served"), tmp_path / "archive")
    assert names_in(tmp_path / "served") == {pushed.get_string_custom_property(VERSION)}


def test_a_folder_in_use_is_refused(model: Any, tmp_path: Path) -> None:
    with only_writer_of_directory(tmp_path / "served"), pytest.raises(OutputInUseError, match="another command"):
        push(model, str(tmp_path / "served"), tmp_path / "archive")


def test_remote_folders_are_left_to_tfx(model: Any, tmp_path: Path) -> None:
    pushed = push(model, "ram://bucket/served", tmp_path / "archive")
    assert pushed.get_string_custom_property(DESTINATION).startswith("ram://bucket/served/")


def test_the_component_runs_this_executor() -> None:
    assert Pusher.EXECUTOR_SPEC.executor_class is Executor
