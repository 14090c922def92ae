"""Which set of dependencies a machine gets, and what is said where TFX is not among them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from requirements.choose import CLASSIC, LIBRARY, MODERN, choose, glibc_version, lock_of

ROOT = Path(__file__).parent.parent
OLD, NEW = (2, 36), (2, 39)


@pytest.mark.parametrize(
    ("python", "glibc", "expected"),
    [
        ((3, 9), NEW, None),
        ((3, 10), OLD, CLASSIC),
        ((3, 10), NEW, CLASSIC),
        ((3, 11), OLD, CLASSIC),
        ((3, 11), (2, 38), CLASSIC),
        ((3, 11), NEW, MODERN),
        ((3, 11), None, CLASSIC),
        ((3, 12), OLD, LIBRARY),
        ((3, 12), NEW, MODERN),
        ((3, 13), OLD, LIBRARY),
        ((3, 13), (2, 41), MODERN),
        ((3, 13), None, LIBRARY),
        ((3, 14), NEW, None),
    ],
)
def test_the_set_follows_from_python_and_glibc(
    python: tuple[int, int], glibc: tuple[int, int] | None, expected: str | None
) -> None:
    assert choose(python, glibc) == expected
    if expected:
        assert (ROOT / lock_of(python, expected)).exists()


@pytest.mark.parametrize(("column", "glibc"), [(1, OLD), (2, NEW)])
def test_the_readme_has_the_sets_and_their_versions(column: int, glibc: tuple[int, int]) -> None:
    rows = re.findall(r"^\| (3\.1[0-3, .]*) \|(.*)\|(.*)\|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    told = {int(minor): row[column] for row in rows for minor in re.findall(r"3\.(\d+)", row[0])}
    assert sorted(told) == [10, 11, 12, 13]
    versions: dict[str, set[str]] = {}
    for minor, words in told.items():
        name = choose((3, minor), glibc)
        assert name
        assert ("without TFX" if name == LIBRARY else name) in words
        lock = (ROOT / lock_of((3, minor), name)).read_text()
        for package, version in re.findall(r"(TFX|TensorFlow|NumPy) ([\d.]+)", words):
            assert re.search(rf"^{package.lower()}=={re.escape(version)}\.", lock, re.MULTILINE), (name, package)
            versions.setdefault(name, set()).add(package)
    # What is told of a set once, holds for its other rows.
    assert all("TensorFlow" in packages for packages in versions.values())


def test_every_lock_can_be_chosen() -> None:
    chosen = {
        lock_of((3, minor), name)
        for minor in range(10, 14)
        for glibc in (OLD, NEW)
        if (name := choose((3, minor), glibc))
    }
    assert chosen == {str(path.relative_to(ROOT)) for path in (ROOT / "requirements").glob("*-py*.txt")}


def test_the_choice_is_told_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "requirements" / "choose.py"], capture_output=True, text=True, check=True
    )
    chosen = choose(sys.version_info[:2], glibc_version())
    assert chosen
    lock, _, words = done.stdout.partition(" ")
    assert lock == lock_of(sys.version_info[:2], chosen)
    assert "Python 3." in words
    assert words.count("\n") == 1


def test_a_pipeline_without_tfx_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipeline import local_run, run_local, run_update

    monkeypatch.setattr(local_run, "find_spec", lambda name: None)
    for program in (run_local, run_update):
        assert program.main(["--data", "synthetic", "--output", str(tmp_path / "output")]) == 1
        error = capsys.readouterr().err
        assert "pip install 'rrn_tf[tfx]'" in error
        assert "rrn train" in error
        assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
