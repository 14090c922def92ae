"""Generated data as sources: files made once into a cache, with the truth beside them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from rrn_tf.data import synthetic, synthetic_events, synthetic_listening
from rrn_tf.data.arrays import root_mean_square
from rrn_tf.data.source import DataSource, DataSourceError, write_whole_frame
from rrn_tf.features import COLUMNS, EVENT_COLUMNS, ITEM_ID, RATING, TIMESTAMP, USER_ID
from rrn_tf.version import __version__

SYNTHETIC = "synthetic"
SYNTHETIC_EVENTS = "synthetic-events"
SYNTHETIC_LISTENING = "synthetic-listening"

_EXPECTED, _NLL = "expected", "nll"

_Generator = TypeVar(
    "_Generator",
    synthetic.SyntheticConfig,
    synthetic_events.SyntheticEventsConfig,
    synthetic_listening.SyntheticListeningConfig,
)


def synthetic_ratings(options: str, cache: Path) -> DataSource:
    """Ratings of `rrn_tf.data.synthetic`.

    Raises:
      DataSourceError: for an unknown option or a value that cannot be.
    """
    config = _generator_config(SYNTHETIC, options, synthetic.SyntheticConfig, "synthetic ratings")

    def columns() -> dict[str, Any]:
        made = synthetic.generate(config)
        values = (made.user_id, made.item_id, made.rating, made.timestamp, made.expected)
        return dict(zip((*COLUMNS, _EXPECTED), values, strict=True))

    path, truth = _generated(SYNTHETIC, config, cache, columns, _EXPECTED)
    kind = (
        "noise alone"
        if config.signal == 0
        else "static tastes"
        if config.static or not config.drift
        else "drifting tastes"
    )
    return DataSource(
        str(path),
        f"synthetic: {config.ratings:,} ratings, {kind}, seed {config.seed}",
        lambda rows: _best_rmse(truth, rows),
    )


def synthetic_event_log(options: str, cache: Path) -> DataSource:
    """Events of `rrn_tf.data.synthetic_events`.

    Raises:
      DataSourceError: for an unknown option or a value that cannot be.
    """
    config = _generator_config(SYNTHETIC_EVENTS, options, synthetic_events.SyntheticEventsConfig, "synthetic events")
    return _event_log(
        SYNTHETIC_EVENTS, "synthetic events", config, lambda: synthetic_events.generate_events(config), cache
    )


def synthetic_listening_log(options: str, cache: Path) -> DataSource:
    """Events of `rrn_tf.data.synthetic_listening`.

    Raises:
      DataSourceError: for an unknown option or a value that cannot be.
    """
    kind, what = synthetic_listening.SyntheticListeningConfig, "synthetic listening"
    config = _generator_config(SYNTHETIC_LISTENING, options, kind, what)
    return _event_log(SYNTHETIC_LISTENING, what, config, lambda: synthetic_listening.generate_listening(config), cache)


def _event_log(
    name: str, what: str, config: Any, generate: Callable[[], synthetic_events.SyntheticEvents], cache: Path
) -> DataSource:
    def columns() -> dict[str, Any]:
        made = generate()
        values = (made.user_id, made.item_id, made.timestamp, made.nll)
        return dict(zip((*EVENT_COLUMNS, _NLL), values, strict=True))

    path, truth = _generated(name, config, cache, columns, _NLL)
    return DataSource(
        str(path),
        f"{what}: {config.events:,} of {config.users:,} users, seed {config.seed}",
        best_nll=lambda rows: _best_nll(truth, rows),
    )


def _generator_config(name: str, options: str, kind: type[_Generator], what: str) -> _Generator:
    try:
        return synthetic.config_from_text(options, kind, what)
    except ValueError as error:
        raise DataSourceError(f"{name}: {error}") from None


def _generated(
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


def _best_rmse(truth: Path, rows: pd.DataFrame) -> float:
    # No user rates an item twice, so the pair names the row.
    found = _with_truth(truth, rows, [USER_ID, ITEM_ID], [RATING, _EXPECTED])
    return root_mean_square((found[RATING].astype(np.float64) - found[_EXPECTED]).to_numpy())


def _best_nll(truth: Path, rows: pd.DataFrame) -> float:
    # No user has two events in one second, so the pair names the row.
    found = _with_truth(truth, rows, [USER_ID, TIMESTAMP], [_NLL])
    return synthetic_events.mean_by_user(found[USER_ID].to_numpy(), found[_NLL].to_numpy())


def _with_truth(truth: Path, rows: pd.DataFrame, key: list[str], wanted: list[str]) -> pd.DataFrame:
    """The wanted columns of generated rows, found by their key."""
    known = pd.read_parquet(truth, columns=[*key, *wanted])
    own = rows[key].astype(known[key].dtypes.to_dict())
    found = own.merge(known, on=key, how="left", validate="many_to_one")
    if found[wanted[-1]].isna().any():
        raise ValueError(f"rows should be generated ones, found {int(found[wanted[-1]].isna().sum())} others")
    return found
