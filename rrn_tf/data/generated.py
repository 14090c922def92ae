"""Generated data as sources: files made once into a cache, with the truth beside them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from rrn_tf.data import synthetic, synthetic_effects, synthetic_events, synthetic_listening
from rrn_tf.data.arrays import root_mean_square
from rrn_tf.data.source import DataSource, DataSourceError, write_whole_frame
from rrn_tf.features import EVENT_COLUMNS, ITEM_ID, RATING, TIMESTAMP, USER_ID
from rrn_tf.version import __version__

_NLL = "nll"
EXPECTED = "expected"  # column of the truth of generated ratings: each without its noise

_Generator = TypeVar(
    "_Generator",
    synthetic.SyntheticConfig,
    synthetic_effects.SyntheticEffectsConfig,
    synthetic_events.SyntheticEventsConfig,
    synthetic_listening.SyntheticListeningConfig,
)


def event_log(
    name: str, what: str, config: Any, generate: Callable[[], synthetic_events.SyntheticEvents], cache: Path
) -> DataSource:
    """A generated log of events whose best reachable loss is known.

    Args:
      name: of the data set; the file's name begins with it.
      what: the same in words, for messages.
      config: the generator's options; other options make another file.
      generate: makes the events; not called where the file is there.
      cache: the folder of the file.
    """

    def columns() -> dict[str, Any]:
        made = generate()
        values = (made.user_id, made.item_id, made.timestamp, made.nll)
        return dict(zip((*EVENT_COLUMNS, _NLL), values, strict=True))

    path, truth = files_with_truth(name, config, cache, columns, _NLL)
    return DataSource(
        str(path),
        f"{what}: {config.events:,} of {config.users:,} users, seed {config.seed}",
        best_nll=lambda rows: _best_nll(truth, rows),
    )


def generator_config(name: str, options: str, kind: type[_Generator], what: str) -> _Generator:
    """A generator's options, from text such as ``users=500,seed=1``.

    Raises:
      DataSourceError: for an unknown option or a value that cannot be.
    """
    try:
        return synthetic.config_from_text(options, kind, what)
    except ValueError as error:
        raise DataSourceError(f"{name}: {error}") from None


def files_with_truth(
    name: str, config: Any, cache: Path, columns: Callable[[], dict[str, Any]], truth_column: str
) -> tuple[Path, Path]:
    """The file of a generator's rows and the file that has the truth beside them, made where they are not there yet."""
    # The version is part of the key: another generator must not find the rows of this one.
    key = hashlib.sha256(repr((__version__, dataclasses.astuple(config))).encode()).hexdigest()[:12]
    path = cache / f"{name}-{key}.parquet"
    truth = cache / f"{name}-{key}.truth" / f"{truth_column}.parquet"
    if not (path.exists() and truth.exists()):
        frame = pd.DataFrame(columns())
        write_whole_frame(frame, truth)
        write_whole_frame(frame.drop(columns=truth_column), path)
    return path, truth


def _best_nll(truth: Path, rows: pd.DataFrame) -> float:
    # No user has two events in one second, so the pair names the row.
    found = with_truth(truth, rows, [USER_ID, TIMESTAMP], [_NLL])
    return synthetic_events.mean_by_user(found[USER_ID].to_numpy(), found[_NLL].to_numpy())


def best_rmse(truth: Path, rows: pd.DataFrame) -> float:
    """The least RMSE to expect on generated ratings, of which no user has two of one item."""
    found = with_truth(truth, rows, [USER_ID, ITEM_ID], [RATING, EXPECTED])
    return root_mean_square((found[RATING].astype(np.float64) - found[EXPECTED]).to_numpy())


def with_truth(truth: Path, rows: pd.DataFrame, key: list[str], wanted: list[str]) -> pd.DataFrame:
    """The wanted columns of generated rows, found by their key."""
    known = pd.read_parquet(truth, columns=[*key, *wanted])
    own = rows[key].astype(known[key].dtypes.to_dict())
    found = own.merge(known, on=key, how="left", validate="many_to_one")
    if found[wanted[-1]].isna().any():
        raise ValueError(f"rows should be generated ones, found {int(found[wanted[-1]].isna().sum())} others")
    return found
