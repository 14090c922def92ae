"""The page: one file, whole, escaped and without requests."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any

import pytest

from rrn_tf.evaluation.experiments.exhibits import Figure
from rrn_tf.report.figures import drawn
from rrn_tf.report.page import Heading, page_of
from rrn_tf.report.parts import Part
from tests.report_fakes import HOSTILE, one_of_each

VOID = {"meta", "img", "br", "hr", "input", "link"}


class Outline(HTMLParser):
    """Tags with their attributes, and whether all that were opened are closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page() -> str:
    exhibits = one_of_each(None)
    drawings = {exhibit.name: drawn(exhibit) for exhibit in exhibits if isinstance(exhibit, Figure)}
    heading = Heading(
        f"Ratings of {HOSTILE}", {"users": 12_345}, {"epochs": 3}, {"seed": 0}, {"a": HOSTILE}, {"x": "1"}
    )
    return page_of(heading, [Part("fake", "A part", "A paper, Figure 1", tuple(exhibits), drawings, 0.5)], None)


def test_the_page_is_well_formed_and_asks_for_nothing(page: str) -> None:
    outline = Outline(page)
    assert {attributes["src"][:26] for attributes in outline.of("img")} == {"data:image/svg+xml;base64,"}
    assert not outline.of("link")
    assert not any("src" in attributes for attributes in outline.of("script"))
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest", page)
    (policy,) = (a["content"] for a in outline.of("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:;")
    links = [attributes["href"] for attributes in outline.of("a")]
    ids = Counter(attributes["id"] for _, attributes in outline.tags if "id" in attributes)
    assert max(ids.values()) == 1
    assert {link[1:] for link in links if link.startswith("#")} <= ids.keys()
    assert {link for link in links if not link.startswith("#")} == {"tables/a_table.csv", "tables/a_figure.csv"}


def test_texts_are_escaped(page: str) -> None:
    assert HOSTILE not in page
    assert "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_tables_figures_and_gaps_can_be_read_by_a_machine(page: str) -> None:
    outline = Outline(page)
    assert len(outline.of("caption")) == len(outline.of("table")) > 3
    assert all(attributes.get("scope") in ("row", "col") for attributes in outline.of("th"))
    assert all(attributes["alt"] for attributes in outline.of("img"))
    assert [tag for tag, _ in outline.tags if tag in ("h1", "h2", "h3")] == ["h1", "h2", "h2", "h2", "h3", "h3", "h3"]
    assert "<strong>Left out:</strong> there are no items; <code>--items</code> gives them" in page
    assert "12,345" in page
    assert 'class="number">+3.14</td>' in page
    scrolled = [a for a in outline.of("div") if "box" in (a.get("class") or "").split()]
    assert all(a.get("tabindex") == "0" and a.get("aria-label") for a in scrolled), "the keyboard can scroll them"


def test_light_and_dark_have_the_same_colours_by_name(page: str) -> None:
    blocks = re.findall(r":root[^{]*\{([^}]*)\}", page)
    assert len(blocks) == 3
    for name in ("--ink", "--paper", "--muted", "--line", "--accent"):
        assert all(f"{name}:" in block for block in blocks)
    dark = [re.findall(r"--\w+: #\w+", block) for block in blocks[1:]]
    assert dark[0] == dark[1] != re.findall(r"--\w+: #\w+", blocks[0])


def test_data_to_explore_cannot_leave_their_element() -> None:
    heading = Heading("t", {}, {}, {}, {}, {})
    made = page_of(heading, [], {"title": HOSTILE})
    assert HOSTILE not in made
    assert '<script type="application/json" id="explore-data">{"title":"\\u003c/script' in made
    assert 'href="#explore"' in made
