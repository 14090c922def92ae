"""Artifacts as local folders."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from components.staging import local_file, local_input, local_output


def test_local_folders_are_used_in_place(tmp_path: Path) -> None:
    with local_output(str(tmp_path / "new")) as folder:
        assert folder == tmp_path / "new"
        (folder / "a.txt").write_text("a")
    with local_input(str(tmp_path / "new")) as folder:
        assert folder == tmp_path / "new"


def test_remote_folders_are_copied_both_ways() -> None:
    uri = "ram://bucket/artifact"
    with local_output(uri) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "a.txt").write_text("a")
    with tf.io.gfile.GFile(f"{uri}/sub/a.txt") as file:
        assert file.read() == "a"
    with local_input(uri) as folder:
        assert (folder / "sub" / "a.txt").read_text() == "a"
    assert not folder.exists()


def test_a_remote_file_is_copied_under_its_name(tmp_path: Path) -> None:
    with tf.io.gfile.GFile("ram://bucket/movies.csv", "w") as file:
        file.write("item_id,title\n")
    with local_file("ram://bucket/movies.csv") as copy:
        assert copy.name == "movies.csv"
        assert copy.read_text() == "item_id,title\n"
    assert not copy.exists()
    with local_file(str(tmp_path / "a.csv")) as same:
        assert same == tmp_path / "a.csv"


def test_nothing_is_copied_when_the_work_fails() -> None:
    def fail() -> None:
        with local_output("ram://bucket/failed") as folder:
            (folder / "half.txt").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not tf.io.gfile.exists("ram://bucket/failed/half.txt")
