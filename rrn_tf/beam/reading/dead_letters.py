"""Rejected rows: batches of them on the way, one JSON Lines file at the end, and the share a run may have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam import pvalue
from apache_beam.metrics import Metrics

from rrn_tf.beam.reading.files import replacing
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
    file: str,
    line: npt.NDArray[np.integer],
    reason: str,
    problem: pa.Array | list[str] | str,
    row: pa.Array | list[str],
) -> pa.RecordBatch:
    """Rows of one file that are rejected for one reason.

    Args:
      file: path of the file.
      line: int[N].
      reason: key.
      problem: N texts, or one for all; the message is the place and this.
      row: N texts.
    """
    lines = pa.array(line, pa.int64())
    problems = pa.scalar(problem) if isinstance(problem, str) else _texts(problem)
    message = pc.binary_join_element_wise(file, ":", lines.cast(pa.string()), ": ", problems, "")
    same = [pa.array([value]).take(pa.array(np.zeros(len(lines), np.int8))) for value in (file, reason)]
    row = pc.utf8_slice_codeunits(_texts(row), 0, _LONGEST_TEXT)
    return pa.RecordBatch.from_arrays([same[0], lines, same[1], message, row], schema=REJECTED)


def _texts(values: pa.Array | list[str]) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, pa.string())


def rejected_rows(batch: pa.RecordBatch) -> list[RejectedRow]:
    """The rows of a batch."""
    return [RejectedRow(**row) for row in batch.to_pylist()]


def count_in_metrics(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Adds a batch to the Beam counters ``rejected_rows/<reason>``."""
    for reason, count in reason_counts(batch.column(2)).items():
        Metrics.counter(METRICS, reason).inc(count)
    return batch


class WriteDeadLetters(beam.PTransform):
    """Writes all rejected rows, sorted by (file, line), and fails the run where there are too many.

    Args:
      path: of the JSON Lines file: file, line, reason, message, row. Written even if empty.
      max_bad_share: largest share of all rows that may be rejected.
      rows: PCollection of numbers of rows read; their sum counts.
      what: the rows should be, for messages.
      harmless: reasons that do not count against the share.

    Input: rejected batches of the schema `REJECTED`.

    Output: singleton dictionary of the number of rejected rows by reason.

    Raises (while running):
      BadInputError: no rows at all, or too large a share rejected; the file has been written by then.
    """

    def __init__(
        self,
        path: str,
        max_bad_share: float,
        rows: beam.PCollection,
        what: str = "ratings",
        harmless: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._harmless = tuple(harmless)
        self._what = what
        self._path = str(path)
        self._max_bad_share = max_bad_share
        self._rows = rows

    def expand(self, rejected: beam.PCollection) -> beam.PCollection:
        total = self._rows | "AllRows" >> beam.CombineGlobally(sum)
        one = rejected.pipeline | "One" >> beam.Create([None])
        return one | "Write" >> beam.Map(
            _write,
            self._path,
            self._max_bad_share,
            self._what,
            self._harmless,
            pvalue.AsIter(rejected),
            pvalue.AsSingleton(total),
        )


def _write(
    _: None,
    path: str,
    max_bad_share: float,
    what: str,
    harmless: tuple[str, ...],
    batches: Iterable[pa.RecordBatch],
    total: int,
) -> dict[str, int]:
    table = pa.Table.from_batches(list(batches), REJECTED)
    table = table.take(pc.sort_indices(table, [("file", "ascending"), ("line", "ascending")]))
    with replacing(path) as file:
        for batch in table.to_batches(max_chunksize=100_000):
            file.write(json_lines(batch))
    if not total:
        raise BadInputError(f"expected {what}, found no rows below the header")
    bad = table.filter(pc.invert(pc.is_in(table["reason"], pa.array(harmless, pa.string()))))
    if bad.num_rows > max_bad_share * total:
        raise BadInputError(
            f"{bad.num_rows:,} of {total:,} rows ({_percent(bad.num_rows / total)}) rejected, at most "
            f"{_percent(max_bad_share)} allowed; first: {bad['message'][0].as_py()}; see {path}"
        )
    return reason_counts(table["reason"])


def reason_counts(reason: pa.Array | pa.ChunkedArray) -> dict[str, int]:
    """Number of rows by reason, in alphabetical order."""
    return {count["values"]: count["counts"] for count in sorted(reason.value_counts().to_pylist(), key=str)}


def json_lines(batch: pa.RecordBatch) -> bytes:
    """Rows of text and integer columns as JSON, one object a line."""
    parts: list[pa.Array | str] = []
    for name, column in zip(batch.schema.names, batch.columns):
        parts += [f'{", " if parts else "{"}"{name}": ']
        parts += ['"', _escaped(column), '"'] if pa.types.is_string(column.type) else [column.cast(pa.string())]
    lines = pc.binary_join_element_wise(*parts, "}\n", "")
    return b"".join(lines.cast(pa.binary()).to_pylist())


def _escaped(text: pa.Array) -> pa.Array:
    text = pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), '"', '\\"')
    if pc.any(pc.match_substring_regex(text, r"[\x00-\x1f]")).as_py():
        for code in range(0x20):
            text = pc.replace_substring(text, chr(code), f"\\u{code:04x}")
    return text


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
