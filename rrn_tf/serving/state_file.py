"""Writes vectors of users or items to Parquet, or to a NumPy array with their ids beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.files import named_parquet
from rrn_tf.files import write_whole, written_whole
from rrn_tf.serving.table_file import write_frame

_ARRAY, _IDS = ".npy", ".ids.txt"


def check_name(path: Path) -> None:
    """Raises a `BadInputError` unless a file's name is one that `write_states` can write."""
    if not named_parquet(str(path)) and path.suffix != _ARRAY:
        raise BadInputError(
            f"{path}: expected the name of a file in .parquet or {_ARRAY}, found {path.suffix or 'none'}"
        )


def write_states(states: pd.DataFrame, path: Path) -> list[Path]:
    """Writes vectors, float32, to a file, and returns all files written.

    Args:
      states: a row per user or item, with its id as the index (see `RRNRecommender.states`).
      path: the file. In ``.parquet`` the ids are the first column; beside ``.npy`` they are in a text, one per line.

    Raises:
      BadInputError: for another suffix.
    """
    check_name(path)
    if named_parquet(str(path)):
        write_frame(states.reset_index(), path)
        return [path]
    ids = path.with_suffix(_IDS)
    write_whole(ids, "".join(f"{name}\n" for name in states.index))
    with written_whole(path) as draft:
        np.save(draft, states.to_numpy(np.float32))
    return [path, ids]
