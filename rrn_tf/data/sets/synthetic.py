"""Generated ratings of drifting tastes, whose best reachable RMSE is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rrn_tf.data import synthetic
from rrn_tf.data.generated import EXPECTED, best_rmse, files_with_truth, generator_config
from rrn_tf.data.source import DataSource
from rrn_tf.features import COLUMNS

NAME = "synthetic"
OPTIONS = "[:option=value,...]"


def source(rest: str, cache: Path) -> DataSource:
    """Ratings of `rrn_tf.data.synthetic`.

    Raises:
      DataSourceError: for an unknown option or a value that cannot be.
    """
    config = generator_config(NAME, rest, synthetic.SyntheticConfig, "synthetic ratings")

    def columns() -> dict[str, Any]:
        made = synthetic.generate(config)
        values = (made.user_id, made.item_id, made.rating, made.timestamp, made.expected)
        return dict(zip((*COLUMNS, EXPECTED), values, strict=True))

    path, truth = files_with_truth(NAME, config, cache, columns, EXPECTED)
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
        lambda rows: best_rmse(truth, rows),
    )
