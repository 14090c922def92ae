"""The folder of a saved model: finds it, without TensorFlow."""

from __future__ import annotations

from pathlib import Path

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
