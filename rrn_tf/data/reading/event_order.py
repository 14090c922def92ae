"""The order of events in the input: by file name, then by line, reversed if a format has the newest events first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from rrn_tf import features
from rrn_tf.data.reading import record_batches
from rrn_tf.data.reading.files import Source

_LINE_BITS = 40


def number_events(batch: pa.RecordBatch, sources: Sequence[Source]) -> pa.RecordBatch:
    """Replaces file and line of a batch by `position`, which orders events of one user and second.

    Args:
      batch: a batch from one of the files.
      sources: all files of the input, in order of their names.
    """
    file = record_batches.file_of(batch)
    (rank,) = (rank for rank, (_, name) in enumerate(sources) if name == file)
    line = record_batches.numbers(batch, record_batches.LINE)
    position = (rank << _LINE_BITS) + ((1 << _LINE_BITS) - 1 - line if record_batches.is_newest_first(batch) else line)
    plain = record_batches.without(batch, record_batches.FILE, record_batches.LINE)
    return record_batches.with_column(plain, features.POSITION, position.astype(np.int64))
