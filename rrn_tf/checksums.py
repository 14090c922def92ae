"""Checksums of files that are read again later, in a file beside them, so that damage is told and never computed with.

Importing this module imports the standard library alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from rrn_tf.files import write_whole

CHECKSUMS_FILE = "checksums.json"
_AT_ONCE = 1 << 20  # bytes


class DamagedFileError(ValueError):
    """Error for a file with other content than was written; the message names the file and says what to do."""


def digest_of(path: str | Path, digest: Any) -> str:
    """Returns the digest of a file's content, in hexadecimal digits; `digest` is a new one, as `hashlib.sha256()`."""
    with open(path, "rb") as stream:
        while block := stream.read(_AT_ONCE):
            digest.update(block)
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    return digest_of(path, hashlib.sha256())


def write_checksums(manifest: str | Path, root: str | Path, names: Iterable[str]) -> None:
    """Writes the checksums of files to a manifest, completely or not at all; a former manifest is replaced.

    Args:
      manifest: the file to write, by custom named `CHECKSUMS_FILE`.
      root: the folder that the names are relative to.
      names: the files, such as ``variables/variables.index``.

    Raises:
      FileNotFoundError: if one of the files is missing.
    """
    sums = {name: _sha256(Path(root, name)) for name in sorted(names)}
    write_whole(Path(manifest), json.dumps(sums, indent=2) + "\n")


def add_checksums(manifest: str | Path, root: str | Path, names: Iterable[str]) -> None:
    """Adds the checksums of files to a manifest, or replaces those it has; without a manifest nothing is written.

    Args:
      manifest: the file of `write_checksums`.
      root: the folder that the names are relative to.
      names: the files.

    Raises:
      FileNotFoundError: if one of the files is missing.
    """
    file = Path(manifest)
    if file.exists():
        sums = {**json.loads(file.read_bytes()), **{name: _sha256(Path(root, name)) for name in names}}
        write_whole(file, json.dumps(dict(sorted(sums.items())), indent=2) + "\n")


def first_damaged(
    manifest: str | Path, root: str | Path, names: Iterable[str] | None = None, *, without: Collection[str] = ()
) -> str | None:
    """Returns the first file that is not as it was when its checksum was written, with what is wrong; None if all are.

    Args:
      manifest: the file of `write_checksums`. Folders of earlier versions lack it, and nothing is checked then.
      root: the folder that its names are relative to.
      names: the files to check, all of which the manifest must name; by default all that it names.
      without: files that are left out, since they are checked already.

    Returns:
      Such as ``users.txt has other content than was written``, or None.

    Example:
      >>> import tempfile
      >>> folder = Path(tempfile.mkdtemp())
      >>> _ = (folder / "users.txt").write_text("ann")
      >>> write_checksums(folder / CHECKSUMS_FILE, folder, ["users.txt"])
      >>> first_damaged(folder / CHECKSUMS_FILE, folder)
      >>> _ = (folder / "users.txt").write_text("amn")
      >>> first_damaged(folder / CHECKSUMS_FILE, folder)
      'users.txt has other content than was written'
    """
    file = Path(manifest)
    try:
        sums = json.loads(file.read_bytes())
        wanted = {name: sums.get(name) for name in (sums.keys() if names is None else names)}
    except FileNotFoundError:
        return None
    except (ValueError, AttributeError, TypeError):  # bytes that are no UTF-8, no JSON, or JSON of another form
        return f"{file.name} is damaged"
    for name, expected in wanted.items():
        if name in without:
            continue
        if expected is None:
            return f"{name} has no checksum in {file.name}"
        if not Path(root, name).is_file():
            return f"{name} is missing"
        if _sha256(Path(root, name)) != expected:
            return f"{name} has other content than was written"
    return None


def read_checked(path: str | Path, mend: str) -> str:
    """Reads a text in UTF-8 after comparing it with its checksum, if the folder has a `CHECKSUMS_FILE`.

    Args:
      path: the file.
      mend: what to do if it is damaged, the end of the message.

    Raises:
      DamagedFileError: if the content is not what was written.
      FileNotFoundError: if there is no such file.
    """
    file = Path(path)
    content = file.read_bytes()
    if wrong := first_damaged(file.parent / CHECKSUMS_FILE, file.parent, [file.name]):
        raise DamagedFileError(f"{file.parent}: {wrong}: {mend}")
    return content.decode("utf-8")
