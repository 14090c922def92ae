"""Paths that cannot be written are refused before a command computes anything."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from rrn_tf.cli.options import InputError
from rrn_tf.cli.output_paths import OutputFile, OutputFolder, OutputPrefix


@pytest.mark.parametrize(
    ("kind", "path", "said"),
    [
        (OutputFile(), "folder", "expected a file, found a folder: folder"),
        (OutputFile(), "new/", "expected a file, found a folder: new/"),
        (OutputFile(), "file.csv/a.csv", "expected a folder, found a file: file.csv"),
        (OutputFolder(), "file.csv", "expected a folder, found a file: file.csv"),
        (OutputFolder(), "file.csv/a/b", r"expected a folder, found a file: \S+/file.csv"),
        (OutputPrefix(), "out/", "expected the start of file names, such as out/scores, found a folder: out/"),
        (OutputPrefix(), "file.csv/a", r"expected a folder, found a file: file.csv"),
    ],
)
def test_refuses_what_cannot_be_written(
    kind: click.ParamType, path: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("file.csv").touch()
    with pytest.raises(InputError, match=said) as told:
        kind.convert(path, None, None)
    assert told.value.exit_code == 1
    assert "\n" not in told.value.message


@pytest.mark.parametrize("kind", [OutputFile(), OutputFolder(), OutputPrefix()])
def test_says_where_it_may_not_write(kind: click.ParamType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(InputError, match=f"{tmp_path} cannot be written: choose another path"):
        kind.convert(str(tmp_path / "new" / "a"), None, None)


def test_accepts_new_paths_devices_and_remote_prefixes(tmp_path: Path) -> None:
    for kind in (OutputFile(), OutputFolder(), OutputPrefix()):
        assert kind.convert(str(tmp_path / "new" / "a"), None, None) == str(tmp_path / "new" / "a")
    assert OutputFile().convert("/dev/null", None, None) == "/dev/null"
    assert OutputPrefix().convert("gs://bucket/a", None, None) == "gs://bucket/a"
