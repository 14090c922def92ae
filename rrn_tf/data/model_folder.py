"""The folder of a saved model: finds it, without TensorFlow."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from rrn_tf.checksums import CHECKSUMS_FILE, add_checksums, first_damaged, write_checksums

_CHECKED = ("saved_model.pb", "variables/*", "assets/*", "assets.extra/*.json", "assets.extra/*.parquet")
EXTRA = "assets.extra"  # folder of a SavedModel where TensorFlow Serving and TFX look for extra files


class ModelNotFoundError(ValueError):
    """Error for a path without a saved model; the message states what was expected."""


def find_saved_model(path: str | Path) -> Path:
    """Finds the SavedModel directory at or below a path.

    Args:
      path: a SavedModel, a run directory with one in `model`, or a directory of numbered versions, of which the
        newest is used.

    Raises:
      ModelNotFoundError: if there is none.
    """
    root = Path(path)
    versions = sorted((p for p in root.glob("*") if p.name.isdigit()), key=lambda p: int(p.name), reverse=True)
    for candidate in (root, root / "model", *versions):
        if (candidate / "saved_model.pb").exists():
            return candidate
    raise ModelNotFoundError(f"{path}: expected a SavedModel, a run directory or numbered versions, found none")


def seal(model: str | Path, *changed: str) -> None:
    """Writes the checksums of a SavedModel's files, last, into its folder; what is changed on purpose is sealed anew.

    Its card and its requests for warming up may be edited and are left out.

    Args:
      model: the SavedModel's folder.
      changed: the files that are new or changed since it was sealed; by default all.
    """
    root, manifest = Path(model), Path(model, EXTRA, CHECKSUMS_FILE)
    if changed:
        add_checksums(manifest, root, changed)
        return
    files = {file for pattern in _CHECKED for file in root.glob(pattern) if file.is_file() and file != manifest}
    write_checksums(manifest, root, (file.relative_to(root).as_posix() for file in files))


def damage(model: str | Path, *names: str, without: Collection[str] = ()) -> str | None:
    """Returns which file of a SavedModel is not as it was sealed, and how; None if all are, or it was never sealed.

    Args:
      model: the SavedModel's folder.
      names: the files to check, by default all.
      without: files that are left out, since they are checked already.
    """
    return first_damaged(Path(model, EXTRA, CHECKSUMS_FILE), model, names or None, without=without)
