"""What the how-tos show is applied to a copy of the project, and the tests that they name are run there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "how-to").glob("add-*.md"))


def test_there_is_a_page_for_each_kind_of_extension() -> None:
    assert [page.stem for page in PAGES] == ["add-a-baseline", "add-a-cell", "add-a-data-set"]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_its_diff_applies_and_its_tests_pass(page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    (diff,) = re.findall(r"```diff\n(.*?)```", text, re.DOTALL)
    (arguments,) = re.findall(r'make test ARGS="(.*)"', text)
    for folder in ("rrn_tf", "tests", "requirements"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff, text=True, check=True)
    added = re.findall(r"^\+\+\+ b/(.*)$", diff, re.MULTILINE)
    assert all((tmp_path / file).exists() for file in added)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *shlex.split(arguments)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-2_000:]
    assert f"{Path(added[0]).parent}" in arguments or "passed" in run.stdout
