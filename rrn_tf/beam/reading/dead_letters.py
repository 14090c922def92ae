"""Rejected rows: they are collected in batches, written to one JSON Lines file, and limited to a fraction of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam import pvalue
from apache_beam.metrics import Metrics

from rrn_tf.beam.reading.files import replacing
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.rejected import REASON, in_order, reason_counts

METRICS = "rejected_rows"  # namespace of the Beam counters, one per reason
SETTING = "data.max_bad_share"
OPTION = "--max-bad-share"


def count_in_metrics(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Adds a batch to the Beam counters ``rejected_rows/<reason>``."""
    for reason, count in reason_counts(batch.column(2)).items():
        Metrics.counter(METRICS, reason).inc(count)
    return batch


class WriteDeadLetters(beam.PTransform):
    """Writes all rejected rows, sorted by (file, line), and fails the run if there are too many.

    Args:
      path: path of the JSON Lines file: file, line, reason, message, row. Written even if empty.
      max_bad_share: largest fraction of all rows that may be rejected.
      rows: PCollection of numbers of rows read, whose sum is the number of all rows.
      what: plural noun for the rows, for messages.
      option: name of the setting of `max_bad_share`, for messages.

    Input: rejected batches of the schema `rrn_tf.data.reading.rejected.REJECTED`.

    Output: singleton dictionary of the number of rejected rows by reason.

    Raises (while running):
      BadInputError: if there are no rows, or too large a fraction is rejected; the file is written before.
    """

    def __init__(
        self,
        path: str,
        max_bad_share: float,
        rows: beam.PCollection,
        what: str = "ratings",
        option: str = SETTING,
    ) -> None:
        super().__init__()
        self._settled = (str(path), max_bad_share, what, option)
        self._rows = rows

    def expand(self, rejected: beam.PCollection) -> beam.PCollection:
        total = self._rows | "AllRows" >> beam.CombineGlobally(sum)
        one = rejected.pipeline | "One" >> beam.Create([None])
        return one | "Write" >> beam.Map(
            lambda _, batches, total, settled: write_dead_letters(batches, total, *settled),
            pvalue.AsIter(rejected),
            pvalue.AsSingleton(total),
            self._settled,
        )


def write_dead_letters(
    batches: Iterable[pa.RecordBatch],
    total: int,
    path: str,
    max_bad_share: float,
    what: str = "ratings",
    option: str = SETTING,
    harmless: Sequence[str] = (),
) -> dict[str, int]:
    """Writes rejected rows and counts them, as `WriteDeadLetters` does.

    Args:
      batches: rejected rows.
      total: number of rows read.
      path, max_bad_share, what, option: as in `WriteDeadLetters`.
      harmless: reasons that do not count towards the fraction of rejected rows.

    Raises:
      BadInputError: as in `WriteDeadLetters`.
    """
    table = in_order(list(batches))
    with replacing(path) as file:
        for batch in table.to_batches(max_chunksize=100_000):
            file.write(json_lines(batch))
    if not total:
        raise BadInputError(f"expected {what}, found no rows below the header")
    bad = table.filter(pc.invert(pc.is_in(table[REASON], pa.array(harmless, pa.string()))))
    if bad.num_rows > max_bad_share * total:
        raise BadInputError(
            f"{bad.num_rows:,} of {total:,} rows ({_percent(bad.num_rows / total)}) rejected, at most "
            f"{_percent(max_bad_share)} allowed; first: {bad['message'][0].as_py()}; see {path}; "
            f"raise {option} to allow more"
        )
    return reason_counts(table[REASON])


def json_lines(batch: pa.RecordBatch) -> bytes:
    """Converts rows of text and integer columns to JSON, one object per line."""
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
