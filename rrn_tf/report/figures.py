"""Draws figures with Matplotlib; their style is here and nowhere else."""

from __future__ import annotations

import base64
import io
import re
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas
from matplotlib.rcsetup import cycler

from rrn_tf.evaluation.experiments.exhibits import Figure

# Okabe and Ito's colours, which people with any colour vision tell apart, without yellow, which is pale on white.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#4d4d4d")
_DASHES = ("-", "--", ":", "-.", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 3)))
STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#4d4d4d",
    "axes.grid": True,
    "axes.labelsize": 11,
    "axes.prop_cycle": cycler(color=_COLOURS) + cycler(linestyle=_DASHES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "grid.color": "#e0e0e0",
    "legend.fontsize": 10,
    "legend.framealpha": 0.85,
    "lines.linewidth": 1.8,
    "savefig.dpi": 144,
    "savefig.facecolor": "white",
    "svg.fonttype": "none",  # text stays text, which is smaller and can be searched
    "text.parse_math": False,  # titles of items may have dollar signs
}
_WITHOUT_DATE = {"Date": None, "Creator": None}  # equal figures are equal files


class Drawing(NamedTuple):
    """A figure as files.

    Attributes:
      svg: the text of the SVG.
      png: the content of the PNG.
    """

    svg: str
    png: bytes

    @property
    def address(self) -> str:
        """The SVG as a data URI, which a page holds without asking for a file."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg.encode()).decode()


def drawn(figure: Figure) -> Drawing:
    """Draws a figure in the report's style."""
    style: Any = {**STYLE, "svg.hashsalt": figure.name}
    with mpl.rc_context(style):
        canvas = Canvas(figsize=figure.size)
        figure.draw(canvas)
        svg, png = io.StringIO(), io.BytesIO()
        canvas.savefig(svg, format="svg", metadata=_WITHOUT_DATE)
        canvas.savefig(png, format="png", metadata={"Software": None})
    # The address of SVG's document type is not asked for by browsers, but it is one, and nobody needs it.
    return Drawing(re.sub(r"<!DOCTYPE[^>]*>\s*", "", svg.getvalue()), png.getvalue())
