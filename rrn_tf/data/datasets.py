"""What `--data` accepts: a path, or the name of a data set, becomes files of ratings or events.

Bundled and generated data are written once into a cache directory, so every source reaches the
pipeline as a CSV or Parquet file with the columns of `rrn_tf.features.COLUMNS`, or `EVENT_COLUMNS`;
but for files in a published format, which are read as they are.
"""

from __future__ import annotations

import glob
import os
from pathlib import Path

from rrn_tf.data import sets
from rrn_tf.data.formats import FORMATS, split_format
from rrn_tf.data.source import DataSource, DataSourceError, write_frame

__all__ = ["ACCEPTED", "DataSource", "DataSourceError", "resolve", "write_frame"]

ACCEPTED = f"a CSV or Parquet path or glob, {sets.described()} or one of {', '.join(FORMATS)} with :PATH"


def resolve(name_or_path: str, cache_dir: str | Path) -> DataSource:
    """Finds, or makes once, the files behind a data argument.

    Args:
      name_or_path: a path or glob; the name of a data set of `rrn_tf.data.sets`, such as `movielens-small`,
        `synthetic:users=500,seed=1` or `tfds:movielens/100k-ratings`; or a format of `rrn_tf.data.formats` and a path,
        such as `brightkite:PATH`.
      cache_dir: where files are made; kept and used again.

    Raises:
      DataSourceError: for a missing file, an unknown option, a missing extra or a failed download.
    """
    name, _, rest = name_or_path.partition(":")
    if name in sets.NAMES and not os.path.exists(name_or_path):
        return sets.data_set(name).source(rest, Path(cache_dir))
    text_format, path = split_format(name_or_path)
    if text_format is not None:
        source = _files(path)
        return DataSource(f"{name}:{source.pattern}", f"{text_format.description}: {source.description}")
    return _files(name_or_path)


def _files(pattern: str) -> DataSource:
    if "://" in pattern:  # a file system of Beam's; only Beam can look
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
