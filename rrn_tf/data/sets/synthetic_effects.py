"""Generated ratings with the phenomena of the RRN paper, each of a known size, and tables of their events and items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rrn_tf.data import synthetic_effects
from rrn_tf.data.generated import EXPECTED, best_rmse, files_with_truth, generator_config
from rrn_tf.data.source import DataSource, write_whole_frame
from rrn_tf.features import COLUMNS

NAME = "synthetic-effects"
OPTIONS = "[:option=value,...]"


def source(rest: str, cache: Path) -> DataSource:
    """Ratings of `rrn_tf.data.synthetic_effects`.

    Beside the file of the ratings lie `NAME.events.csv` and `NAME.items.csv` for `rrn report`.

    Raises:
      DataSourceError: for an unknown option or a value that cannot be.
    """
    config = generator_config(NAME, rest, synthetic_effects.SyntheticEffectsConfig, "ratings with effects")
    made: list[synthetic_effects.SyntheticEffects] = []

    def generated() -> synthetic_effects.SyntheticEffects:
        made[:] = made or [synthetic_effects.generate_effects(config)]
        return made[0]

    def columns() -> dict[str, Any]:
        of = generated()
        return dict(
            zip((*COLUMNS, EXPECTED), (of.user_id, of.item_id, of.rating, of.timestamp, of.expected), strict=True)
        )

    path, truth = files_with_truth(NAME, config, cache, columns, EXPECTED)
    tables = {kind: path.with_suffix(f".{kind}.csv") for kind in ("events", "items")}
    for kind, table in tables.items():
        if not table.exists():
            write_whole_frame(getattr(generated(), kind), table)
    told = ", ".join(f"{name} {getattr(config, name):g}" for name in synthetic_effects.EFFECTS)
    return DataSource(
        str(path),
        f"synthetic effects: {config.ratings:,} ratings, {told}, seed {config.seed}; events and items: "
        f"{tables['events']}, {tables['items']}",
        lambda rows: best_rmse(truth, rows),
        items=str(tables["items"]),
    )
