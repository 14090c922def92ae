"""The site of the documents: what fails its build."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sphinx.cmd.build import build_main

from tests.test_doctests import PUBLIC

DOCS = Path(__file__).parents[1] / "docs"


def test_the_reference_has_every_public_package() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "api").glob("*.md"))
    # What `rrn_tf` exports is documented where it is defined.
    assert all(f"automodule:: {package}\n" in pages for package in PUBLIC if package != "rrn_tf")


@pytest.mark.parametrize(
    ("docstring", "told"),
    [
        ('"""Returns 1, as `len` of `rrn_tf.features.Side` does not."""', ""),
        ("", "public_module.one: expected a docstring of a public function, found none"),
        ('"""See `rrn_tf.features.Sode`."""', "reference target not found: rrn_tf.features.Sode"),
        ('"""See `StateTowr`."""', "reference target not found: StateTowr"),
    ],
    ids=["right", "missing", "wrong-path", "wrong-name"],
)
def test_missing_docstrings_and_wrong_references_fail(
    docstring: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "public_module", raising=False)
    (tmp_path / "public_module.py").write_text(
        f'"""A module."""\n\n\ndef one() -> int:\n    {docstring}\n    return 1\n'
    )
    (tmp_path / "index.rst").write_text("Title\n=====\n\n.. automodule:: public_module\n")
    code = build_main(["-q", "-W", "-c", str(DOCS), str(tmp_path), str(tmp_path / "html")])
    found = capsys.readouterr().err
    assert (code != 0) == bool(told), found
    assert told in found
