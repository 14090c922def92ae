"""The location of ratings or events, and how generated ones are written."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rrn_tf.features import COLUMNS, ITEM_ID, RATING, USER_ID
from rrn_tf.files import written_whole


class DataSourceError(ValueError):
    """A data source cannot be used; the message says in one line what was expected and what was found."""


@dataclass(frozen=True)
class DataSource:
    """The files of a data set of ratings or events.

    Attributes:
      pattern: path or glob of CSV or Parquet files; for a named layout, preceded by its name and a colon.
      description: one line for people.
      best_rmse: for generated ratings, the best achievable RMSE on the rows of a frame with the
        columns user_id and item_id, in any order.
      best_nll: for generated events, the best achievable mean negative log-likelihood (over users, of the mean over
        each user's events) on the rows of a frame with the columns user_id and timestamp, in any order. The task gets
        a little easier if the preparation leaves out items.
      items: a file of the items' titles and other attributes (see `rrn_tf.data.items.read_items`).
    """

    pattern: str
    description: str
    best_rmse: Callable[[pd.DataFrame], float] | None = None
    best_nll: Callable[[pd.DataFrame], float] | None = None
    items: str | None = None


def write_whole_frame(frame: pd.DataFrame, path: Path) -> None:
    """Writes all columns as CSV or, for `*.parquet`, as Parquet, completely or not at all."""
    with written_whole(path) as draft:
        if path.suffix == ".parquet":
            frame.to_parquet(draft, index=False)
        else:
            frame.to_csv(draft, index=False)


def write_frame(frame: pd.DataFrame, path: str | Path) -> Path:
    """Writes a frame of ratings as CSV or, for `*.parquet`, Parquet; never half a file.

    Args:
      frame: columns user_id, item_id, rating and timestamp (unix seconds); others are left out.
      path: the file to write; its directory is made.

    Returns:
      The path.

    Raises:
      DataSourceError: for a missing column.
    """
    missing = [column for column in COLUMNS if column not in frame]
    if missing:
        raise DataSourceError(f"a frame of ratings should have the columns {', '.join(COLUMNS)}, found no {missing[0]}")
    ratings = frame[list(COLUMNS)].astype({USER_ID: str, ITEM_ID: str, RATING: np.float32})
    write_whole_frame(ratings, Path(path))
    return Path(path)


def require_package(module: str, what: str) -> None:
    """Refuses a data set whose package of the extra ``demo`` is not installed; `what` is the data set."""
    if importlib.util.find_spec(module) is None:
        raise DataSourceError(f"{what} needs the package {module}: pip install rrn_tf[demo]")
