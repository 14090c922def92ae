"""Data that a recommender is given: a data frame, a file or the name of a data set."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
from pydantic import ValidationError

from rrn_tf.data.datasets import resolve
from rrn_tf.data.items import read_items
from rrn_tf.data.source import DataSource, write_whole_frame
from rrn_tf.data_format import DataFormat
from rrn_tf.recommenders.frames import checked
from rrn_tf.serving.histories import Histories, read_histories
from rrn_tf.serving.query_file import EvaluationOutcome

Data: TypeAlias = str | Path | pd.DataFrame
Format: TypeAlias = DataFormat | Mapping[str, Any]


@dataclass(frozen=True)
class GivenData:
    """Turns data frames into files, which the rest of the library reads.

    Attributes:
      columns: names of the required columns.
      what: singular noun for a row.
    """

    columns: tuple[str, ...]
    what: str

    def source(self, data: Data, root: Path, name: str) -> DataSource:
        """Returns the source of training data; a frame is first written to a file in the run directory."""
        folder = root / "data"
        if isinstance(data, (str, Path)):
            return resolve(str(data), folder)
        path = folder / f"{name}.parquet"
        write_whole_frame(self._rows(data), path)
        return resolve(str(path), folder)

    def items(self, items: Data | None, root: Path) -> pd.DataFrame | None:
        """Returns titles and other attributes of items, of a file or of a frame, which is read as a file is."""
        if items is None or isinstance(items, (str, Path)):
            return None if items is None else read_items(items)
        file = root / "data" / "items.parquet"
        write_whole_frame(items, file)
        try:
            return read_items(file)
        except ValueError as error:
            raise type(error)(_of_frame(str(error), str(file)).replace("--items: ", "")) from None

    def evaluated(self, data: Data, evaluate: Callable[[Path], EvaluationOutcome]) -> EvaluationOutcome:
        """Evaluates the rows of a file or of a frame; for a frame, messages refer to it instead of a file."""
        with self.file(data, ".csv") as file:
            found = evaluate(Path(file))
        if isinstance(data, (str, Path)):
            return found
        return replace(found, messages=[_of_frame(message, file) for message in found.messages])

    @contextmanager
    def file(self, data: Data, suffix: str) -> Iterator[str]:
        """Yields the file of data; for a frame a temporary one, whose name is removed from error messages."""
        if isinstance(data, (str, Path)):
            yield str(data)
            return
        with tempfile.TemporaryDirectory(prefix="rrn-frame-") as folder:
            file = str(Path(folder, f"{self.what}s{suffix}"))
            write_whole_frame(self._rows(data), Path(file))
            try:
                yield file
            except ValueError as error:
                raise type(error)(_of_frame(str(error), file)) from None

    def histories(self, data: Data, data_format: Format | None) -> tuple[Histories, list[str]]:
        """Reads histories of users; also returns lines about rows of a file that cannot be used."""
        said = format_of(data, data_format)
        if isinstance(data, (str, Path)):
            return read_histories(str(data), self.columns, said)
        rows = checked(data, self.columns)
        return Histories(**{str(name): column.to_numpy() for name, column in rows.items()}), []

    def _rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        rows = checked(frame, self.columns)
        if not len(rows):
            raise ValueError(f"expected {self.what}s, found a data frame without rows")
        return rows


def format_of(data: Data, given: Format | None) -> DataFormat | None:
    """Returns what is said about the format of a file.

    Args:
      data: the file, or a data frame, about which nothing can be said.
      given: the settings of a `DataFormat`, or an instance of it.

    Raises:
      ValueError: in one line, for settings that are not valid, and for those of a data frame.
    """
    if given is not None and not isinstance(data, (str, Path)):
        raise ValueError(f"data_format: expected a file to read by it, found a {type(data).__name__}")
    if given is None or isinstance(given, DataFormat):
        return given
    try:
        return DataFormat(**given)
    except ValidationError as error:
        told = error.errors()[0]
        place, message = ".".join(map(str, ("data_format", *told["loc"]))), told["msg"].removeprefix("Value error, ")
        raise ValueError(f"{place}: {message}") from None


def _of_frame(message: str, file: str) -> str:
    return message.replace(file, "data frame")
