"""The page of a report: one HTML file that needs nothing beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from rrn_tf.evaluation.experiments.exhibits import Figure, Omitted, Table
from rrn_tf.report.grids import grid_of
from rrn_tf.report.parts import Part


@dataclass(frozen=True)
class Heading:
    """What stands above the tables and figures.

    Attributes:
      title: of the page.
      data, training, report: facts by their name.
      config: the resolved configuration as plain values.
      versions: of the packages.
    """

    title: str
    data: Mapping[str, Any]
    training: Mapping[str, Any]
    report: Mapping[str, Any]
    config: Mapping[str, Any]
    versions: Mapping[str, str]


def page_of(heading: Heading, parts: Sequence[Part], explored: Mapping[str, Any] | None) -> str:
    """Returns the HTML of a report.

    Args:
      heading: what stands above.
      parts: the tables and figures.
      explored: the data of the part to explore, None for a page without it.
    """
    loader = PackageLoader("rrn_tf.report")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests |= {
        "table": lambda exhibit: isinstance(exhibit, Table),
        "figure": lambda exhibit: isinstance(exhibit, Figure),
        "omitted": lambda exhibit: isinstance(exhibit, Omitted),
    }
    environment.filters |= {"grid": grid_of, "prose": _prose}
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}

    return environment.get_template("page.html.j2").render(
        heading=heading,
        config=yaml.safe_dump(dict(heading.config), sort_keys=False, allow_unicode=True),
        parts=parts,
        explored=explored,
        source=lambda name: loader.get_source(environment, name)[0],
    )


def _prose(text: str) -> Markup:
    """Returns a text as HTML, with what stands between backquotes as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped
