"""The description of a published data set: its files, where they can be had, and its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Part:
    """A part of a data set, or another way to read it: what stands after its name and a slash.

    Attributes:
      name: the name.
      told: what people call it.
      layout: the layout of the files (`rrn_tf.data.layouts`).
      start, end: dates or times (`rrn_tf.times.parse_time`): only rows from `start` on and before `end` belong to the
        part; empty for no bound.
    """

    name: str
    told: str
    layout: str
    start: str = ""
    end: str = ""


@dataclass(frozen=True)
class PaperSet:
    """A published data set.

    Attributes:
      name: its name in TensorFlow Datasets.
      told: what people call it.
      homepage, citation: where it is described, and by whom.
      files: patterns of the files of ratings or events; the first one that has files is taken.
      parts: its parts, of which the first is the one without a name in `tfds:NAME`.
      rated: whether its rows are ratings; else they are events.
      item_files: patterns of a file of titles.
      urls: the file of ratings or events and, if there is one, that of titles; empty if nobody may offer them.
      inside: path within the archive at the first URL; empty if that is no archive.
    """

    name: str
    told: str
    homepage: str
    citation: str
    files: tuple[str, ...]
    parts: tuple[Part, ...]
    rated: bool = True
    item_files: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    inside: str = ""
    by_name: Mapping[str, Part] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {part.name: part for part in self.parts})

    @property
    def instructions(self) -> str:
        """One line on which files are expected in the folder of files that were fetched by hand."""
        titles = f", and for titles {' or '.join(self.item_files)}" if self.item_files else ""
        return f"{' or '.join(self.files)}{titles} ({self.homepage})"
