"""How a file of ratings or events is to be read, as far as a user says it: the settings `data.format`."""

from __future__ import annotations

import re
from typing import Any

import pydantic
from pydantic import field_validator
from pydantic.dataclasses import dataclass

from rrn_tf.features import COLUMNS

SEPARATORS = {"tab": "\t", "space": " ", "comma": ",", "semicolon": ";", "bar": "|", "\\t": "\t"}
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # units of a time as a number, in parts of a second
ISO = "ISO"


@dataclass(frozen=True, config=pydantic.ConfigDict(extra="forbid", coerce_numbers_to_str=True))
class DataFormat:
    """What a user says about a file; what is not said is recognised by what stands in the file.

    Attributes:
      name: name of a published layout (`rrn_tf.data.layouts`).
      columns: names of the file's columns for those of the library, such as ``user_id=userId,item_id=movieId``; in a
        file without a header their positions, from 1. A mapping is accepted as well.
      separator: what stands between two fields: characters, or one of tab, space (any number of spaces or tabs),
        comma, semicolon and bar.
      header: whether the first line has the names of the columns; by default that is recognised.
      time: what times are: ``s``, ``ms``, ``us`` or ``ns`` since 1970, ``ISO``, or a format such as ``%d/%m/%Y``. By
        default a number is in seconds and anything else an ISO date or time.

    Example:
      >>> DataFormat(columns={"user_id": 1, "item_id": 2}, separator="tab").positions
      {'user_id': 1, 'item_id': 2}
    """

    name: str = ""
    columns: str = ""
    separator: str = ""
    header: bool | None = None
    time: str = ""

    @field_validator("columns", mode="before")
    @classmethod
    def _as_text(cls, columns: Any) -> Any:
        if not isinstance(columns, dict):
            return columns
        return ",".join(f"{name}={of}" for name, of in columns.items())

    @field_validator("separator", mode="after")
    @classmethod
    def _by_name(cls, separator: str) -> str:
        return SEPARATORS.get(separator.lower(), separator)

    def __post_init__(self) -> None:
        names = list(self.mapping)
        if len(set(names)) < len(self.columns.split(",")) and self.columns:
            raise ValueError(f"columns should name each column once, found {self.columns!r}")
        if self.header is False and self.columns and len(self.positions) < len(names):
            raise ValueError(f"columns should be positions from 1 where there is no header, found {self.columns!r}")
        if 0 in self.positions.values():
            raise ValueError(f"columns should be counted from 1, found {self.columns!r}")
        if self.time and self.time not in UNITS and self.time.upper() != ISO and "%" not in self.time:
            known = ", ".join(UNITS)
            raise ValueError(f"time should be one of {known}, {ISO} or a format such as %d/%m/%Y, found {self.time!r}")

    @property
    def mapping(self) -> dict[str, str]:
        """The file's columns by the library's names, as they were given."""
        found = {}
        for pair in filter(None, self.columns.split(",")):
            name, equals, of = (part.strip() for part in pair.partition("="))
            if not equals or not of or name not in COLUMNS:
                expected = f"pairs such as {COLUMNS[0]}=NAME, for {', '.join(COLUMNS)}"
                raise ValueError(f"columns should be {expected}, found {pair!r}")
            found[name] = of
        return found

    @property
    def positions(self) -> dict[str, int]:
        """The columns that are given by their positions, from 1; none where the file has a header."""
        if self.header:
            return {}
        return {name: int(of) for name, of in self.mapping.items() if re.fullmatch(r"\d{1,6}", of)}
