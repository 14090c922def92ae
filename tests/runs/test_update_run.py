"""Where an update's model goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from rrn_tf.runs.update_run import next_model, replace_directory


def test_the_next_model_is_the_next_version_or_the_runs_own(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    assert next_model(tmp_path) == tmp_path / "model"
    for version in ("9", "10"):
        (tmp_path / version).mkdir()
    assert next_model(tmp_path) == tmp_path / "11"


def test_a_directory_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "model"

    def write(text: str, fail: bool = False) -> None:
        def inside(draft: Path) -> None:
            draft.mkdir()
            (draft / text).touch()
            if fail:
                raise OSError("disk full")

        replace_directory(path, inside)

    write("one")
    with pytest.raises(OSError, match="disk full"):
        write("two", fail=True)
    assert [file.name for file in path.iterdir()] == ["one"]
    assert list(tmp_path.iterdir()) == [path], "what was half written is gone"
    write("three")
    assert [file.name for file in path.iterdir()] == ["three"]
    assert [file.name for file in tmp_path.iterdir()] == ["model"]
