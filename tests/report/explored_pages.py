"""A page that holds nothing but what is to be explored, in the colours of the report's page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

TEMPLATES = Path(__file__).parents[2] / "rrn_tf/report/templates"
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Explored</title>
<style>
:root { --ink: #1b1f24; --paper: #ffffff; --muted: #57606a; --line: #d0d7de; --accent: #0b57d0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --paper: #14171b; --muted: #a6aeb8; --line: #3b424b; --accent: #8ab4f8; }
}
button { padding: 0.35rem 0.75rem; border: 1px solid var(--muted); border-radius: 6px; background: var(--paper);
  color: var(--ink); font: inherit; }
body { margin: 0 auto; max-width: 60rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 sans-serif; }
table { border-collapse: collapse; }
th, td { padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid var(--line); text-align: left; }
.number { text-align: right; }
.box { overflow-x: auto; }
</style>
</head>
<body>
<main>
<h1>A report</h1>
<script type="application/json" id="explore-data">{{ explored | tojson }}</script>
{% include "explore.html.j2" %}
</main>
</body>
</html>
"""


def write_page(explored: Mapping[str, Any], path: Path) -> Path:
    """Writes a page with explored data (see `rrn_tf.report.explore`) to a file and returns its path."""
    templates = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
    path.write_text(templates.from_string(_PAGE).render(explored=explored), encoding="utf-8")
    return path
