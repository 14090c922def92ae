"""Measures how fast Beam prepares sequences from ratings, compared with reading and sorting alone."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import csv

from rrn_tf.bench.load import Load, write_csv
from rrn_tf.data.prepared import DEAD_LETTERS_FILE
from rrn_tf.data.rows import SideRatings, row_starts, time_order
from rrn_tf.data.steps import StepRule
from rrn_tf.environment import environment
from rrn_tf.features import ITEM_ID, RATING, SIDES, TIMESTAMP, USER_ID, Side, Split


class Limit(NamedTuple):
    """The least work of any preparation of a file.

    Attributes:
      read: seconds to read the CSV into typed columns, with ids as dictionaries.
      sort: seconds to sort the ratings of both sides by entity and time.
      rows: number of steps with ratings by side.
    """

    read: float
    sort: float
    rows: dict[str, int]


def bench_prepare(load: Load, echo: Callable[[str], None]) -> dict[str, Any]:
    """Writes the load to a temporary CSV file and times its preparation.

    Args:
      load: what to prepare.
      echo: prints a line.

    Returns:
      `seconds`, `ratings_per_second`, `limit_ratio` (1 if preparing takes only as long as the limit), `limit`
      (seconds of its parts), `rows` by side, `load`, and the environment; peak memory is that of preparing.

    Raises:
      RuntimeError: if some rating was not prepared.
    """
    from rrn_tf.beam.prepare import prepare_sequences

    ratings = load.ratings.ratings
    with tempfile.TemporaryDirectory(prefix="rrn-bench-") as folder:
        file = Path(folder, "ratings.csv")
        begin = time.perf_counter()
        # In a separate process, so that peak memory is that of preparing.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
            size = apart.submit(write_csv, load, file).result()
        echo(f"load     {load}")
        echo(f"         made and written ({size / 1e6:,.0f} MB) in {time.perf_counter() - begin:.1f} s, not timed")

        begin = time.perf_counter()
        dead_letters = str(Path(folder, DEAD_LETTERS_FILE))
        metadata = prepare_sequences(str(file), str(Path(folder, "out")), load.data, dead_letters=dead_letters)
        seconds = time.perf_counter() - begin
        if (prepared := metadata.ratings[Split.TRAIN.label]) != ratings:
            raise RuntimeError(f"expected {ratings:,} prepared ratings, found {prepared:,}")
        figures = environment(load.ratings.seed, packages=("apache-beam", "pyarrow", "numpy"))
        echo(
            f"prepare  {seconds:.1f} s, {ratings / seconds:,.0f} ratings/s, "
            f"peak memory {figures['peak_memory_bytes'] / 1e9:.2f} GB"
        )
        limit = measure_limit(file, load)
    bound = limit.read + limit.sort
    echo(
        f"rows     {limit.rows[Side.USER.value]:,} of users ({load.user_granularity}), "
        f"{limit.rows[Side.ITEM.value]:,} of items ({load.item_granularity})"
    )
    echo(
        f"limit    {bound:.1f} s: reading the CSV {limit.read:.1f} s, sorting both sides {limit.sort:.1f} s; "
        f"preparing reaches {bound / seconds:.0%} of that speed"
    )
    return {
        "seconds": seconds,
        "ratings_per_second": ratings / seconds,
        "limit_ratio": bound / seconds,
        "limit": {"read_seconds": limit.read, "sort_seconds": limit.sort},
        "rows": limit.rows,
        "load": {**load.as_dict(), "csv_bytes": size},
        **figures,
    }


def measure_limit(file: str | Path, load: Load) -> Limit:
    """Measures reading and sorting the ratings of a CSV file.

    Args:
      file: a file from `write_csv`.
      load: the load in the file.
    """
    text = pa.dictionary(pa.int32(), pa.string())
    types = {USER_ID: text, ITEM_ID: text, RATING: pa.float32(), TIMESTAMP: pa.int64()}
    begin = time.perf_counter()
    table = csv.read_csv(file, convert_options=csv.ConvertOptions(column_types=types)).unify_dictionaries()
    read = time.perf_counter() - begin

    user, item = (_numbers(table, name, coded=True) for name in (USER_ID, ITEM_ID))
    split = np.full(len(user), Split.TRAIN, np.uint8)
    ratings = SideRatings(user, item, _numbers(table, RATING), _numbers(table, TIMESTAMP), split)
    del table
    sort, rows = 0.0, {}
    for side, own in zip(SIDES, (ratings, ratings.mirrored()), strict=True):
        begin = time.perf_counter()
        order = time_order(own.entity, own.timestamp, own.opposite)
        sort += time.perf_counter() - begin
        rule = StepRule(load.data.granularity_seconds(side), load.data.steps_per_doubling)
        rows[side.value] = len(row_starts(own.entity[order], own.timestamp[order], load.cutoff, rule))
    return Limit(read, sort, rows)


def _numbers(table: pa.Table, name: str, *, coded: bool = False) -> Any:
    chunks = table.column(name).chunks
    return np.concatenate([(chunk.indices if coded else chunk).to_numpy() for chunk in chunks])
