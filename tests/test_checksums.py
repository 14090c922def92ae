"""Files that were damaged after they were written are told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rrn_tf.checksums import (
    CHECKSUMS_FILE,
    DamagedFileError,
    add_checksums,
    first_damaged,
    read_checked,
    write_checksums,
)
from rrn_tf.data.model_folder import ModelNotFoundError, damage, seal
from rrn_tf.serving.saved_files import check_saved_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "users.txt").write_text("ann\n")
    (tmp_path / "notes.txt").write_text("free to change\n")
    write_checksums(tmp_path / CHECKSUMS_FILE, tmp_path, ["users.txt"])
    return tmp_path


def test_files_without_a_checksum_are_refused_where_one_is_asked_for(folder: Path) -> None:
    (folder / "notes.txt").write_text("changed\n")
    assert first_damaged(folder / CHECKSUMS_FILE, folder) is None
    with pytest.raises(DamagedFileError, match=r"notes.txt has no checksum in checksums.json: mend it$"):
        read_checked(folder / "notes.txt", "mend it")
    assert read_checked(folder / "users.txt", "mend it") == "ann\n"


def test_changed_and_missing_files_are_named(folder: Path) -> None:
    (folder / "users.txt").write_text("amn\n")
    with pytest.raises(DamagedFileError, match=r"^\S+: users.txt has other content than was written: mend it$"):
        read_checked(folder / "users.txt", "mend it")
    (folder / "users.txt").unlink()
    assert first_damaged(folder / CHECKSUMS_FILE, folder) == "users.txt is missing"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"3", b'{"users.txt": 3}', b'{"user.txt": 3}'])
def test_a_damaged_manifest_is_no_licence(folder: Path, content: bytes) -> None:
    (folder / CHECKSUMS_FILE).write_bytes(content)
    assert first_damaged(folder / CHECKSUMS_FILE, folder, ["users.txt"]) is not None


def test_folders_of_earlier_versions_are_read(folder: Path) -> None:
    (folder / CHECKSUMS_FILE).unlink()
    (folder / "users.txt").write_text("amn\n")
    assert read_checked(folder / "users.txt", "mend it") == "amn\n"
    add_checksums(folder / CHECKSUMS_FILE, folder, ["users.txt"])
    assert not (folder / CHECKSUMS_FILE).exists()


def test_files_that_are_changed_on_purpose_are_sealed_anew(tmp_path: Path) -> None:
    for name in ("saved_model.pb", "assets/users.txt", "assets.extra/metadata.json", "assets.extra/model_card.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    seal(tmp_path)
    for name in ("assets.extra/metadata.json", "assets.extra/model_card.md"):
        (tmp_path / name).write_text("another")
    assert damage(tmp_path) == "assets.extra/metadata.json has other content than was written"
    seal(tmp_path, "assets.extra/metadata.json")
    assert damage(tmp_path) is None


@pytest.mark.slow  # with the run that it needs
@pytest.mark.parametrize("name", ["saved_model.pb", "assets/users.txt", "variables/variables.data-00000-of-00001"])
def test_one_wrong_bit_in_a_model_is_refused(name: str, rating_run: Path, tmp_path: Path) -> None:
    shutil.copytree(rating_run / "model", tmp_path / "model")
    content = bytearray((tmp_path / "model" / name).read_bytes())
    content[-1] ^= 1
    (tmp_path / "model" / name).write_bytes(content)
    with pytest.raises(ModelNotFoundError, match=r"cannot be read: .*; copy its whole folder again, or train again$"):
        check_saved_model(tmp_path / "model")
