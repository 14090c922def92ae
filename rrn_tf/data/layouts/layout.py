"""The description of a file's format."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rrn_tf.features import COLUMNS, ITEM_ID, RATING, TIMESTAMP, USER_ID

PLAIN_WORDS = {USER_ID: "user", ITEM_ID: "item", RATING: RATING, TIMESTAMP: TIMESTAMP}
_SEPARATORS = {",": "commas", "\t": "tabs", " ": "spaces", ";": "semicolons", "|": "bars"}


@dataclass(frozen=True)
class Layout:
    """A format: that of a published data set, or one put together from what a user says.

    Attributes:
      name: the name for `--format`.
      title: what people call it.
      columns: the file's columns by the library's names: names in a header or in JSON, or positions from 1.
      width: number of fields of a line; only without a header.
      separator: what stands between two fields; a space stands for any number of spaces and tabs.
      line: regular expression of every line, by which a file without a header is recognised.
      names: further columns that the header must have for the layout to be recognised.
      time: as in `rrn_tf.data_format.DataFormat`.
      encoding: of text that is not UTF-8.
      newest_first: whether a user's later events precede the earlier ones in the file, also within a second.
      item_name: position of the field that replaces an empty item_id.
      no_item: text that replaces an empty item_id; by default such a row is rejected.
      blocks: whether ratings stand below a line with their item and a colon.
      refused: why files of this layout cannot be used; empty if they can.
    """

    name: str = ""
    title: str = ""
    columns: Mapping[str, str | int] = field(default_factory=dict)
    width: int = 0
    separator: str = ","
    line: str = ""
    names: tuple[str, ...] = ()
    time: str = ""
    encoding: str = "utf-8"
    newest_first: bool = False
    item_name: int = 0
    no_item: str | None = None
    blocks: bool = False
    refused: str = ""

    @property
    def by_position(self) -> bool:
        """Whether a file of this layout has no header."""
        return bool(self.width)

    def matches(self, lines: Sequence[str], share: float) -> bool:
        """Returns whether this fraction of lines, the first one among them, look like lines of this layout."""
        if not (self.line and lines and re.fullmatch(self.line, lines[0])):
            return False
        if self.blocks and not lines[0].endswith(":"):
            return False
        return sum(bool(re.fullmatch(self.line, line)) for line in lines) >= share * len(lines)

    @property
    def description(self) -> str:
        """One line for people."""
        if not self.by_position:
            return f"{self.title} layout: {', '.join(str(of) for of in self.columns.values()) or 'none of our columns'}"
        order = sorted(self.columns, key=lambda name: self.columns[name])
        words = [PLAIN_WORDS[name] for name in order if name in COLUMNS]
        if self.blocks:
            return f"{self.title} layout: {', '.join(words)} below a line for each item"
        between = _SEPARATORS.get(self.separator, f"'{self.separator}'")
        return f"{self.title} layout: {', '.join(words)}, between {between}, without a header"
