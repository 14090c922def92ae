"""What `--data` accepts: a path, or the name of a data set, becomes files of ratings or events.

Bundled and generated data are written once into a cache directory, so every source reaches the
pipeline as a CSV or Parquet file with the columns of `rrn_tf.features.COLUMNS`, or `EVENT_COLUMNS`;
but for the user's own files, which are read as they are.
"""

from __future__ import annotations

import glob
import os
from pathlib import Path

from rrn_tf.data import sets
from rrn_tf.data.layouts import LAYOUTS, split_layout
from rrn_tf.data.reading.files import local_files
from rrn_tf.data.source import DataSource, DataSourceError, write_frame
from rrn_tf.redaction import without_secrets

__all__ = ["ACCEPTED", "DataSource", "DataSourceError", "resolve", "write_frame"]

ACCEPTED = f"a CSV or Parquet path or glob, {sets.described()} or a layout and a path, such as brightkite:PATH"


def resolve(name_or_path: str, cache_dir: str | Path) -> DataSource:
    """Finds, or makes once, the files behind a data argument.

    Args:
      name_or_path: a path or glob; the name of a data set of `rrn_tf.data.sets`, such as `movielens-small`,
        `synthetic:users=500,seed=1` or `tfds:movielens/100k-ratings`; or a layout of `rrn_tf.data.layouts` and a path,
        such as `brightkite:PATH`.
      cache_dir: where files are made; kept and used again.

    Raises:
      DataSourceError: for a missing file, an unknown option, a missing extra or a failed download.
    """
    name, _, rest = name_or_path.partition(":")
    if name in sets.NAMES and not os.path.exists(name_or_path):
        return sets.data_set(name).source(rest, Path(cache_dir))
    layout, path = split_layout(name_or_path)
    if layout:
        source = _files(path)
        return DataSource(f"{layout}:{source.pattern}", f"{LAYOUTS[layout].title}: {source.description}")
    return _files(name_or_path)


def _files(pattern: str) -> DataSource:
    if "://" in pattern:  # a file system of Beam's; only Beam can look
        return DataSource(pattern, without_secrets(pattern))
    if os.path.isdir(pattern):
        raise DataSourceError(
            f"{pattern}: expected {ACCEPTED}, found a directory (try {os.path.join(pattern, '*.csv')})"
        )
    if os.path.exists(pattern):
        return DataSource(glob.escape(pattern), pattern)
    matches = local_files(pattern)
    if not matches:
        raise DataSourceError(f"{pattern}: expected {ACCEPTED}, found no such file")
    return DataSource(pattern, f"{pattern} ({len(matches)} files)")
