"""Finds the columns to read among the names in a header, in JSON or in Parquet."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rrn_tf.data.layouts import LAYOUTS, Layout
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.header import PLAIN
from rrn_tf.data_format import DataFormat
from rrn_tf.features import COLUMNS, ITEM_ID, RATING, TIMESTAMP, USER_ID

# Names that can mean nothing else, in lower case and without dashes and blanks.
_OTHER_NAMES = {USER_ID: {"userid", "user"}, ITEM_ID: {"itemid", "item"}, RATING: {RATING}, TIMESTAMP: {TIMESTAMP}}
# Words in names that hint at a column; they are proposed, not taken.
_HINTS = {
    USER_ID: r"user|uid|customer|reviewer|member|visitor|person|author",
    ITEM_ID: r"item|iid|movie|film|product|book|business|asin|isbn|song|track|artist|venue|place|sku|anime|game|joke",
    RATING: r"rating|score|stars|overall|rate",
    TIMESTAMP: r"time|date|ts$|created|when",
}
_TYPED = re.compile(r"(.+):(token|float|token_seq|float_seq)")  # names in RecBole's atomic files


class Named(NamedTuple):
    """The columns to read, found by their names.

    Attributes:
      names: the names of the columns in the file, by those of the library.
      layout: the layout that has these names.
    """

    names: dict[str, str]
    layout: Layout


def find_names(
    names: Sequence[str], columns: Sequence[str], optional: Sequence[str], data_format: DataFormat
) -> Named | None:
    """Finds columns by name; None if a required one is missing, or there twice.

    What the user says comes first, then the library's own names, then those of the published layouts.

    Args:
      names: all names in the file.
      columns: the required columns.
      optional: columns that are read if the file has them.
      data_format: what the user says about the file.
    """
    plain = _without_types(names)
    given = {name: of for name, of in data_format.mapping.items() if name not in data_format.positions}
    if data_format.name:
        layouts = [LAYOUTS[data_format.name]]
    else:
        published = (layout for layout in LAYOUTS.values() if not (layout.by_position or layout.refused))
        layouts = [LAYOUTS["recbole"] if list(plain) != list(names) else PLAIN, *published]
    for layout in layouts:
        found: dict[str, str] = {}
        for column in (*columns, *optional):
            name = given.get(column) or _name_of(column, plain, layout)
            name = plain.get(name, name)
            if name and names.count(name) == 1:
                found[column] = name
        if set(columns) <= set(found) and set(layout.names) <= set(plain):
            return Named(found, dataclasses.replace(layout, columns=found, time=data_format.time or layout.time))
    return None


def _without_types(names: Sequence[str]) -> dict[str, str]:
    """Returns all names by what they are without the types that they have in an atomic file, or by themselves."""
    typed = [_TYPED.fullmatch(name) for name in names]
    return {(match[1] if match and all(typed) else name): name for match, name in zip(typed, names)}


def _name_of(column: str, names: Iterable[str], layout: Layout) -> str:
    """Returns the name of a column in a layout, or in a file with names like the library's; empty without any."""
    if layout is not PLAIN and layout.name != "recbole":
        return str(layout.columns.get(column, ""))
    if column in names:
        return column
    others = [name for name in names if re.sub(r"[\s_-]", "", name.lower()) in _OTHER_NAMES[column]]
    return others[0] if len(others) == 1 else ""


def refusal(names: Sequence[str]) -> Layout | None:
    """Returns the layout that has these names, if it is one that cannot be used."""
    plain = set(_without_types(names))
    for layout in LAYOUTS.values():
        needed = {*map(str, layout.columns.values()), *layout.names}
        if layout.refused and not layout.by_position and needed <= plain:
            return layout
    return None


def told_names(named: Named) -> str:
    """Returns one line about columns found by name; empty for the library's own."""
    if named.layout.name != PLAIN.name:
        return named.layout.description
    others = [f"{of} as {name}" for name, of in named.names.items() if of != name]
    return f"columns: {', '.join(others)}" if others else ""


def missing_names(
    place: str, names: Sequence[str], found: str, columns: Sequence[str], data_format: DataFormat
) -> BadInputError:
    """Returns the error for a file in which a required column is not found by name.

    Args:
      place: the file, and the line of its header.
      names: the names in the file.
      found: what is there, for the message.
      columns: the required columns.
      data_format: what the user says about the file.
    """
    for column, name in data_format.mapping.items():
        if column in columns and column not in data_format.positions and names.count(name) != 1:
            return BadInputError(f"{place}: --columns {column}={name}: expected one column {name}, found {found}")
    if layout := refusal(names):
        return BadInputError(f"{place}: a {layout.title} file cannot be used: {layout.refused}")
    expected = f"{place}: expected columns {','.join(columns)}, found {found}"
    guesses = {column: _guess(column, names) for column in columns}
    if TIMESTAMP in columns and not guesses[TIMESTAMP] and all(guesses[of] for of in columns if of != TIMESTAMP):
        return BadInputError(f"{expected}: no column of times; if there is one, name it by --columns timestamp=NAME")
    if not any(guesses.values()):
        return BadInputError(f"{expected}: name them by --columns {columns[0]}=NAME,... (names, or positions from 1)")
    pairs = ",".join(f"{column}={guess or 'NAME'}" for column, guess in guesses.items())
    return BadInputError(f"{expected}: name them, as in --columns {pairs}")


def _guess(column: str, names: Sequence[str]) -> str:
    """Returns the one name that hints at a column; empty if there is none, or several."""
    if column in names:
        return column
    fitting = [name for name in names if name not in COLUMNS and re.search(_HINTS[column], name.lower())]
    return fitting[0] if len(fitting) == 1 else ""
