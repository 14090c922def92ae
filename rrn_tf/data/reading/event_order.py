"""The order of events as they were read: file names, then lines; backwards where a format has the newest first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from rrn_tf import features
from rrn_tf.data.formats import TextFormat
from rrn_tf.data.reading import record_batches

_LINE_BITS = 40


def number_events(batch: pa.RecordBatch, sources: Sequence[tuple[TextFormat | None, str]]) -> pa.RecordBatch:
    """The batch with `position`, which orders events of one user and second, in place of file and line.

    Args:
      batch: of one of the files.
      sources: the files that are read, in order of their names, each with its format.
    """
    file = record_batches.file_of(batch)
    ((rank, text_format),) = ((rank, known) for rank, (known, name) in enumerate(sources) if name == file)
    newest_first = text_format is not None and text_format.newest_first
    line = record_batches.numbers(batch, record_batches.LINE)
    position = (rank << _LINE_BITS) + ((1 << _LINE_BITS) - 1 - line if newest_first else line)
    plain = record_batches.without(batch, record_batches.FILE, record_batches.LINE)
    return record_batches.with_column(plain, features.POSITION, position.astype(np.int64))
