"""Generated ratings of drifting tastes, whose best reachable RMSE is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rrn_tf.data import synthetic
from rrn_tf.data.arrays import root_mean_square
from rrn_tf.data.generated import files_with_truth, generator_config, with_truth
from rrn_tf.data.source import DataSource
from rrn_tf.features import COLUMNS, ITEM_ID, RATING, USER_ID

NAME = "synthetic"
OPTIONS = "[:option=value,...]"
_EXPECTED = "expected"


def source(rest: str, cache: Path) -> DataSource:
    """Ratings of `rrn_tf.data.synthetic`.

    Raises:
      DataSourceError: for an unknown option or a value that cannot be.
    """
    config = generator_config(NAME, rest, synthetic.SyntheticConfig, "synthetic ratings")

    def columns() -> dict[str, Any]:
        made = synthetic.generate(config)
        values = (made.user_id, made.item_id, made.rating, made.timestamp, made.expected)
        return dict(zip((*COLUMNS, _EXPECTED), values, strict=True))

    path, truth = files_with_truth(NAME, config, cache, columns, _EXPECTED)
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


def _best_rmse(truth: Path, rows: pd.DataFrame) -> float:
    # No user rates an item twice, so the pair names the row.
    found = with_truth(truth, rows, [USER_ID, ITEM_ID], [RATING, _EXPECTED])
    return root_mean_square((found[RATING].astype(np.float64) - found[_EXPECTED]).to_numpy())
