"""What the files beside a saved model tell about it. Importing this module does not import TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rrn_tf.config import DataConfig
from rrn_tf.data.model_folder import EXTRA, seal
from rrn_tf.features import COLUMNS, EVENT_COLUMNS, METADATA_FILE
from rrn_tf.files import write_whole
from rrn_tf.serving.model_card import OF_RATINGS
from rrn_tf.serving.saved_files import ModelNotFoundError, find_saved_model
from rrn_tf.setting_files import parse_yaml

MAX_BAD_SHARE = "max_bad_share"
_CONFIG = "config.yaml"  # of the run directory that a model is in


def columns_of_model(path: str | Path) -> tuple[str, ...]:
    """Returns the columns of the data that a model learns from; those of events, which all data have, if unknown.

    Args:
      path: see `rrn_tf.serving.saved_files.find_saved_model`.
    """
    return COLUMNS if _facts(path).get("model") == OF_RATINGS else EVENT_COLUMNS


def max_bad_share_of(path: str | Path) -> float:
    """Returns the largest fraction of rejected rows that was allowed in a model's training, or the default.

    Args:
      path: see `rrn_tf.serving.saved_files.find_saved_model`. Models of earlier versions do not know the fraction;
        for them it is read from the configuration of their run directory.
    """
    try:
        config = find_saved_model(path).parent / _CONFIG
    except ModelNotFoundError:
        return DataConfig.max_bad_share
    if (known := _facts(path).get(MAX_BAD_SHARE)) is not None:
        return float(known)
    try:
        return float(parse_yaml(config.read_text(encoding="utf-8"))["data"][MAX_BAD_SHARE])
    except (OSError, LookupError, TypeError, ValueError):  # not the configuration of a run
        return DataConfig.max_bad_share


def keep_max_bad_share(folder: str | Path, share: float) -> None:
    """Adds the fraction of `max_bad_share_of` to the metadata beside a SavedModel, for later updates."""
    file = Path(folder, EXTRA, METADATA_FILE)
    write_whole(file, json.dumps({**json.loads(file.read_text()), MAX_BAD_SHARE: share}, indent=2) + "\n")
    seal(folder, f"{EXTRA}/{METADATA_FILE}")


def _facts(path: str | Path) -> dict[str, Any]:
    """Returns the content of the metadata beside a SavedModel; empty if there is none."""
    try:
        return dict(json.loads((find_saved_model(path) / EXTRA / METADATA_FILE).read_text()))
    except (ModelNotFoundError, OSError, ValueError):
        return {}
