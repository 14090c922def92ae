"""Where ratings or events lie, and how those that are made here are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rrn_tf.config import written_whole


class DataSourceError(ValueError):
    """A data source that cannot be used; the message says what was expected and found, in one line."""


@dataclass(frozen=True)
class DataSource:
    """Where ratings or events lie.

    Attributes:
      pattern: path or glob of CSV or Parquet files; in a published format, its name and a colon before it.
      description: one line for people.
      best_rmse: for generated ratings, the best reachable RMSE on the rows of a frame with the
        columns user_id and item_id, in any order.
      best_nll: for generated events, the best reachable mean negative log-likelihood (over users, of the mean over
        each user's events) on the rows of a frame with the columns user_id and timestamp, in any order. Items that
        preparation leaves out make the task a little easier than that.
    """

    pattern: str
    description: str
    best_rmse: Callable[[pd.DataFrame], float] | None = None
    best_nll: Callable[[pd.DataFrame], float] | None = None


def write_whole_frame(frame: pd.DataFrame, path: Path) -> None:
    """Writes all columns as CSV or, for `*.parquet`, Parquet; never half a file."""
    with written_whole(path) as draft:
        if path.suffix == ".parquet":
            frame.to_parquet(draft, index=False)
        else:
            frame.to_csv(draft, index=False)
