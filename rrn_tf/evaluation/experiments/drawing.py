"""What figures have in common: lines that can be told apart without colour, and labels beside points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
DASHES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
_RIGHT_OF_THE_AXES = 1.03  # as a fraction of their width
_MARGIN = 1.3  # by which a logarithmic axis is longer at either end than what is shown


class Series(NamedTuple):
    """Points that belong together.

    Attributes:
      name: what the points are, for the legend.
      x, y: [N], the points.
      error: float[N], a standard error of y; NaN where there is none.
    """

    name: str
    x: npt.ArrayLike
    y: npt.ArrayLike
    error: npt.ArrayLike | None = None


def draw_series(axes: Axes, series: Sequence[Series], x_label: str, y_label: str) -> None:
    """Draws lines with markers and error bars; each has its own marker and dashes, and a place in the legend."""
    for number, of in enumerate(series):
        axes.errorbar(
            of.x,
            of.y,
            yerr=None if of.error is None else np.nan_to_num(np.asarray(of.error, np.float64)),
            marker=MARKERS[number % len(MARKERS)],
            linestyle=DASHES[number % len(DASHES)],
            capsize=2,
            label=of.name,
        )
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    if len(series) > 1:
        axes.legend()


def draw_zero(axes: Axes) -> None:
    """Draws a thin line at zero, for differences."""
    axes.axhline(0, color=ink(axes), linewidth=0.8)


def ink(axes: Axes) -> Any:
    """Returns the colour of the axes, for lines that help to read."""
    return axes.spines["left"].get_edgecolor()


def count_axis(axes: Axes, counts: npt.ArrayLike) -> None:
    """Makes the x axis one of numbers such as 1, 10, 100, 1k or 1M, logarithmic, with whole powers of ten around them.

    Args:
      axes: the axes.
      counts: int[N], the numbers to show; those below 1 have no place on it.
    """
    powers = np.log10(np.maximum(np.asarray(counts, np.float64), 1))
    lowest, highest = int(np.floor(powers.min())), int(np.ceil(powers.max()))
    highest = max(highest, lowest + 1)
    axes.set_xscale("log")
    axes.set_xlim(10**lowest / _MARGIN, 10**highest * _MARGIN)
    axes.set_xticks([10**power for power in range(lowest, highest + 1)])
    axes.xaxis.set_major_formatter(lambda count, _: short_count(count))
    axes.xaxis.set_minor_formatter(lambda count, _: "")


def short_count(count: float) -> str:
    """Returns a number with few digits.

    Example:
      >>> [short_count(count) for count in (1, 100, 10_000, 2_500_000)]
      ['1', '100', '10k', '2.5M']
    """
    for name, size in (("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{count / size:g}{name}"
    return f"{count:g}"


def label_beside(axes: Axes, x: npt.ArrayLike, y: npt.ArrayLike, names: Sequence[str]) -> None:
    """Labels points in a column to the right of the axes, in the order of y, each joined to its point.

    Args:
      axes: have the points and their final limits; the figure needs free space to their right.
      x, y: float[N], the points.
      names: of the points.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    order = np.argsort(y, kind="stable")
    for place, height in zip(order, np.linspace(0, 1, len(order)) if len(order) > 1 else [0.5], strict=True):
        axes.annotate(
            names[place],
            (x[place], y[place]),
            (_RIGHT_OF_THE_AXES, height),
            textcoords="axes fraction",
            va="center",
            fontsize="small",
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": ink(axes), "shrinkA": 1, "shrinkB": 3},
            annotation_clip=False,
        )
