"""What a report shows: tables, figures, and notes on what could not be shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


@dataclass(frozen=True)
class Table:
    """A table of a report, shown as HTML and written as ``NAME.csv``.

    Attributes:
      name: the stem of its files, unique in a report, such as ``rmse_of_models``.
      title: one line.
      caption: what the rows are, how to read them and what they say, in whole sentences.
      frame: the values. CSV holds them as they are.
      formats: how a column is written in HTML, as a format specification such as ``+.4f``.
    """

    name: str
    title: str
    caption: str
    frame: pd.DataFrame
    formats: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """A figure of a report, written as ``NAME.png`` and ``NAME.svg``, and its numbers as ``NAME.csv``.

    Attributes:
      name, title, caption: as those of a table. The caption tells a reader who cannot see the figure what it shows.
      frame: all numbers that are drawn.
      draw: draws on an empty Matplotlib figure, which has the report's fonts and colours. Lines and bars differ by
        more than colour (markers, dashes, hatches), so that the figure can be read without it.
      size: width and height in inches.
    """

    name: str
    title: str
    caption: str
    frame: pd.DataFrame
    draw: Callable[[Canvas], Any]
    size: tuple[float, float] = (6.4, 3.6)


@dataclass(frozen=True)
class Omitted:
    """Stands for an exhibit that this run has no data for.

    Attributes:
      name, title: as those of the exhibit.
      reason: what is missing, and the option that helps.
    """

    name: str
    title: str
    reason: str


Exhibit = Table | Figure | Omitted
