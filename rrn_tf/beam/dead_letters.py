"""Rejected rows: batches of them on the way, one JSON Lines file at the end, and the share a run may have."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam import pvalue
from apache_beam.metrics import Metrics

from rrn_tf.beam.files import replacing
from rrn_tf.data.prepared import BadInputError

METRICS = "rejected_rows"  # namespace of the Beam counters, one a reason
_LONGEST_TEXT = 500  # bytes of a rejected row that are kept

REJECTED = pa.schema(
    [
        ("file", pa.string()),
        ("line", pa.int64()),
        ("reason", pa.string()),
        ("message", pa.string()),
        ("row", pa.string()),
    ]
)


class RejectedRow(NamedTuple):
    """One rejected row, as it stands in the dead-letter file.

    Attributes:
      file: path of the file.
      line: physical line of the file, from 1; for Parquet the row number, from 1.
      reason: short stable key, such as ``rating_not_a_number``.
      message: what was wrong, such as ``ratings.csv:17: rating 'abc' is not a number``.
      row: the row's text, cut where it is very long.
    """

    file: str
    line: int
    reason: str
    message: str
    row: str


def rejected_batch(
    file: str, line: npt.NDArray[np.integer], reason: Sequence[str], problem: Sequence[str], row: Sequence[str]
) -> pa.RecordBatch:
    """Rejected rows of one file as a batch.

    Args:
      file: path of the file.
      line: int[N].
      reason: N keys.
      problem: N texts; the message is the place and this.
      row: N texts.
    """
    message = [f"{file}:{number}: {text}" for number, text in zip(line.tolist(), problem, strict=True)]
    columns = [[file] * len(message), line, list(reason), message, [text[:_LONGEST_TEXT] for text in row]]
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, REJECTED, strict=True)], schema=REJECTED
    )


def rows_of(batch: pa.RecordBatch) -> list[RejectedRow]:
    """The rows of a batch."""
    return [RejectedRow(**row) for row in batch.to_pylist()]


def count_in_metrics(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Adds a batch to the Beam counters ``rejected_rows/<reason>``."""
    for reason, count in Counter(batch.column(2).to_pylist()).items():
        Metrics.counter(METRICS, reason).inc(count)
    return batch


class WriteDeadLetters(beam.PTransform):
    """Writes all rejected rows, sorted by (file, line), and fails the run where there are too many.

    Args:
      path: of the JSON Lines file: file, line, reason, message, row. Written even if empty.
      max_bad_share: largest share of all rows that may be rejected.
      rows: PCollection of numbers of rows read; their sum counts.

    Input: rejected batches of the schema `REJECTED`.

    Output: singleton dictionary of the number of rejected rows by reason.

    Raises (while running):
      BadInputError: no rows at all, or too large a share rejected; the file has been written by then.
    """

    def __init__(self, path: str, max_bad_share: float, rows: beam.PCollection) -> None:
        super().__init__()
        self._path = str(path)
        self._max_bad_share = max_bad_share
        self._rows = rows

    def expand(self, rejected: beam.PCollection) -> beam.PCollection:
        total = self._rows | "AllRows" >> beam.CombineGlobally(sum)
        one = rejected.pipeline | "One" >> beam.Create([None])
        return one | "Write" >> beam.Map(
            _write, self._path, self._max_bad_share, pvalue.AsIter(rejected), pvalue.AsSingleton(total)
        )


def _write(_: None, path: str, max_bad_share: float, batches: Iterable[pa.RecordBatch], total: int) -> dict[str, int]:
    table = pa.Table.from_batches(list(batches), REJECTED)
    table = table.take(pc.sort_indices(table, [("file", "ascending"), ("line", "ascending"), ("reason", "ascending")]))
    with replacing(path) as file:
        for batch in table.to_batches(max_chunksize=10_000):
            lines = (json.dumps(row, ensure_ascii=False) for row in batch.to_pylist())
            file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
    if not total:
        raise BadInputError("expected ratings, found no rows below the header")
    if table.num_rows > max_bad_share * total:
        raise BadInputError(
            f"{table.num_rows:,} of {total:,} rows ({_percent(table.num_rows / total)}) rejected, at most "
            f"{_percent(max_bad_share)} allowed; first: {table['message'][0].as_py()}; see {path}"
        )
    return reason_counts(table)


def reason_counts(table: pa.Table) -> dict[str, int]:
    """Number of rejected rows by reason, in alphabetical order."""
    counted: Mapping[str, int] = Counter(table["reason"].to_pylist())
    return dict(sorted(counted.items()))


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
