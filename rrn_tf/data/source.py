"""The location of ratings or events, and how generated ones are written."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd


class DataSourceError(ValueError):
    """A data source cannot be used; the message says in one line what was expected and what was found."""


@dataclass(frozen=True)
class DataSource:
    """The files of a data set of ratings or events.

    Attributes:
      pattern: path or glob of CSV or Parquet files; for a published format, preceded by its name and a colon.
      description: one line for people.
      best_rmse: for generated ratings, the best achievable RMSE on the rows of a frame with the
        columns user_id and item_id, in any order.
      best_nll: for generated events, the best achievable mean negative log-likelihood (over users, of the mean over
        each user's events) on the rows of a frame with the columns user_id and timestamp, in any order. The task gets
        a little easier if the preparation leaves out items.
    """

    pattern: str
    description: str
    best_rmse: Callable[[pd.DataFrame], float] | None = None
    best_nll: Callable[[pd.DataFrame], float] | None = None


def write_whole_frame(frame: pd.DataFrame, path: Path) -> None:
    """Writes all columns as CSV or, for `*.parquet`, as Parquet, completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written to another name and then moved: an interrupted run leaves no partial file under the final name.
    draft = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        if path.suffix == ".parquet":
            frame.to_parquet(draft, index=False)
        else:
            frame.to_csv(draft, index=False)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
