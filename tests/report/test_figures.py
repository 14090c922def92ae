"""Figures as PNG and SVG."""

from __future__ import annotations

import base64
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd

from rrn_tf.evaluation.experiments.exhibits import Figure
from rrn_tf.report.figures import drawn
from tests.report_fakes import HOSTILE, one_of_each

FIGURE = next(exhibit for exhibit in one_of_each(None) if isinstance(exhibit, Figure))


def test_a_figure_is_a_png_and_an_svg_whose_text_is_text() -> None:
    drawing = drawn(FIGURE)
    assert drawing.png.startswith(b"\x89PNG")
    root = ET.fromstring(drawing.svg)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert HOSTILE in texts, "what a legend says is escaped"
    assert "a $5 b$" in texts, "dollar signs are no formulas"
    assert "DOCTYPE" not in drawing.svg
    assert base64.b64decode(drawing.address.partition("base64,")[2]).decode() == drawing.svg


def test_equal_figures_are_equal_files() -> None:
    assert drawn(FIGURE) == drawn(FIGURE)


def test_lines_differ_by_more_than_colour() -> None:
    looks = []

    def draw(canvas: Any) -> None:
        axes = canvas.subplots()
        for slope in range(4):
            (line,) = axes.plot([0, slope])
            looks.append((line.get_color(), line.get_linestyle()))

    drawn(Figure("lines", "Lines", "Four lines.", pd.DataFrame(), draw))
    assert len({colour for colour, _ in looks}) == 4
    assert len({dashes for _, dashes in looks}) == 4
