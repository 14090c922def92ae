"""Ratings of TensorFlow Datasets, and the data sets of the papers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rrn_tf.data.paper_sets import SETS, PaperSet
from rrn_tf.data.paper_source import PaperFiles, paper_source
from rrn_tf.data.source import DataSource, DataSourceError, require_package, write_whole_frame
from rrn_tf.features import COLUMNS, ITEM_ID, RATING, TIMESTAMP, USER_ID

TFDS = "tfds"
OPTIONS = ":NAME"

# Features of known TFDS sets in the order of COLUMNS; other sets should use those names themselves.
TFDS_FEATURES: dict[str, tuple[str, str, str, str]] = {
    "movielens": (USER_ID, "movie_id", "user_rating", TIMESTAMP),
}


def source(rest: str, cache: Path) -> DataSource:
    """The ratings of a data set of TensorFlow Datasets.

    Args:
      rest: its name, such as ``movielens/100k-ratings`` or, of those of the papers, ``netflix_prize/6-months``.
      cache: where it is prepared.

    Raises:
      DataSourceError: without a name or the package, for a set without ratings, or a failed download.
    """
    if not rest:
        raise DataSourceError(f"{TFDS}: expected a name such as {TFDS}:movielens/100k-ratings, found none")
    name, _, part = rest.partition("/")
    if name in SETS:
        return paper_source(SETS[name], part, cache, lambda of: _fetched(of, cache / TFDS))
    path = cache / f"{TFDS}-{rest.replace('/', '-').replace(':', '-')}.parquet"
    if not path.exists():
        require_package("tensorflow_datasets", f"{TFDS}:{rest}")
        write_whole_frame(_tfds_frame(rest, cache / TFDS), path)
    return DataSource(str(path), f"TensorFlow Datasets: {rest}")


def _fetched(of: PaperSet, data_dir: Path) -> PaperFiles:
    require_package("tensorflow_datasets", f"{TFDS}:{of.name}")
    import tensorflow_datasets as tfds

    from rrn_tf.data.tfds_builders import files_by

    try:
        return files_by(tfds.download.DownloadManager(download_dir=data_dir / "downloads", dataset_name=of.name), of)
    except Exception as error:  # as below
        raise _unprepared(of.name, error) from error


def _tfds_frame(name: str, data_dir: Path) -> pd.DataFrame:
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=str(data_dir))
        features = TFDS_FEATURES.get(builder.name, COLUMNS)
        missing = [feature for feature in features if feature not in builder.info.features]
        if missing:
            raise DataSourceError(
                f"{TFDS}:{name}: expected the features {', '.join(features)}, found no {missing[0]} among "
                f"{', '.join(sorted(builder.info.features))}"
            )
        builder.download_and_prepare()
        return pd.concat(_tfds_batches(builder, features), ignore_index=True)
    except DataSourceError:
        raise
    except Exception as error:  # a download fails in as many ways as there are hosts
        raise _unprepared(name, error) from error


def _unprepared(name: str, error: Exception) -> DataSourceError:
    reason = next(iter(str(error).strip().splitlines()), "")
    return DataSourceError(f"{TFDS}:{name}: could not be prepared: {type(error).__name__}: {reason}")


def _tfds_batches(builder: Any, features: tuple[str, ...]) -> Iterator[pd.DataFrame]:
    import tensorflow_datasets as tfds

    def columns(row: dict[str, Any]) -> dict[str, Any]:
        return {column: row[feature] for column, feature in zip(COLUMNS, features, strict=True)}

    for batch in tfds.as_numpy(builder.as_dataset(split="all").map(columns).batch(16_384)):
        yield pd.DataFrame(
            {
                USER_ID: _text(batch[USER_ID]),
                ITEM_ID: _text(batch[ITEM_ID]),
                RATING: batch[RATING].astype(np.float32),
                TIMESTAMP: batch[TIMESTAMP].astype(np.int64),
            }
        )


def _text(ids: np.ndarray) -> np.ndarray:
    series = pd.Series(ids)
    return (series.str.decode("utf-8") if ids.dtype == object else series.astype(str)).to_numpy()
