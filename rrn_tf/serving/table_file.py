"""Writes tables to CSV or Parquet files, part by part; a file appears only once it is complete."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.files import named_parquet, open_output
from rrn_tf.files import written_whole

_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


@contextmanager
def written_table(path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """Yields a function that appends a table to a file: Parquet by its suffix, else CSV, compressed as the suffix says.

    In CSV, numbers have six significant digits, missing values are empty, and truth values are ``true`` and ``false``.

    Args:
      path: the file; missing directories are made.
      schema: the columns of all tables.

    Raises:
      BadInputError: for a suffix of a format that cannot be written.

    Example:
      >>> import tempfile
      >>> schema = pa.schema([("user_id", pa.string()), ("score", pa.float64())])
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     with written_table(Path(folder, "scores.csv"), schema) as write:
      ...         write(pa.table([["a", "b"], [0.25, None]], schema=schema))
      ...     Path(folder, "scores.csv").read_text().split()
      ['user_id,score', 'a,0.25', 'b,']
    """
    if path.suffix.lower() == ".zip":
        raise BadInputError(f"{path}: expected the name of a CSV or Parquet file, found one of an archive")
    with written_whole(path) as draft:
        if named_parquet(str(path)):
            with pq.ParquetWriter(draft, schema) as parquet:
                yield parquet.write_table
            return
        with open_output(draft) as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
            pd.DataFrame(columns=schema.names).to_csv(text, index=False)

            def write(table: pa.Table) -> None:
                frame = table.to_pandas(types_mapper=_NULLABLE.get)
                for name in frame.columns[frame.dtypes == "boolean"]:
                    frame[name] = frame[name].astype(object).map({True: "true", False: "false"})
                frame.to_csv(text, index=False, header=False, float_format="%.6g")

            yield write


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Writes a data frame, without its index, as `written_table` does."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    with written_table(path, table.schema) as write:
        write(table)
