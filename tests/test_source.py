"""Laws of the source that import-linter and ruff cannot state."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rrn_tf import features

ROOT = Path(__file__).parent.parent
PACKAGES = ("rrn_tf", "components", "pipeline")
CONTRACT = ROOT / "rrn_tf" / "features.py"
LAYOUTS = ROOT / "rrn_tf" / "data" / "layouts"  # names of columns in other people's files

# Plain words, which reports and settings use as well.
WORDS = {features.SPLIT, features.STEP}
# Every other text constant of the data contract: feature names and the metadata file's name.
NAMES = {value for name, value in vars(features).items() if name.isupper() and isinstance(value, str)} - WORDS


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py") if path != CONTRACT)


def spelled_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of each string literal that is a name of the data contract."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            text = node.value if isinstance(node.value, str) else node.value.decode(errors="replace")
            if text in NAMES:
                yield node.lineno, text


def test_names_of_the_contract_are_known() -> None:
    assert {"user_id", "item_id", "entity_index", "opposite_index", "opposite_row", "metadata.json"} <= NAMES


def test_detector_sees_a_spelled_name() -> None:
    tree = ast.parse('"""Docs may say user_id."""\nx = row["user_id"]\ny = {b"opposite_row": 1}\nz = row[user_id]\n')
    assert sorted(spelled_names(tree)) == [(2, "user_id"), (3, "opposite_row")]


@pytest.mark.parametrize("package", PACKAGES)
def test_feature_names_are_spelled_only_in_the_contract(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text!r} should be a constant of rrn_tf.features"
        for path in sources(package)
        if LAYOUTS not in path.parents
        for line, text in sorted(spelled_names(ast.parse(path.read_text(encoding="utf-8"))))
    ]
    assert not found, "\n".join(found)


def imported_modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_layers_import_tensorflow_and_keras_alone() -> None:
    allowed = {"tensorflow", "tf_keras", *sys.stdlib_module_names}
    for path in sources("rrn_tf/layers"):
        for module in imported_modules(ast.parse(path.read_text(encoding="utf-8"))):
            assert module.startswith("rrn_tf.layers") or module.split(".")[0] in allowed, (
                f"{path.relative_to(ROOT)}: expected TensorFlow, tf_keras or rrn_tf.layers, found {module}"
            )


def loaded_by(code: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after running `code`."""
    script = f"{code}\nimport sys\nprint('LOADED', *sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED ")[2].split())


@pytest.mark.slow
def test_layers_load_no_pipeline_library() -> None:
    loaded = loaded_by("import rrn_tf.layers")
    assert "tensorflow" in loaded
    assert not loaded & {"tfx", "apache_beam", "tensorflow_recommenders", "tensorflow_transform"}
    ours = {name for name in loaded if name.partition(".")[0] == "rrn_tf"}
    assert all(
        name in {"rrn_tf", "rrn_tf.quiet", "rrn_tf.version"} or name.startswith("rrn_tf.layers") for name in ours
    ), ours


@pytest.mark.parametrize("module", ["rrn_tf", "rrn_tf.cli.main", "rrn_tf.config", "rrn_tf.features"])
def test_light_modules_load_no_tensorflow(module: str) -> None:
    assert not loaded_by(f"import {module}") & {"tensorflow", "tf_keras", "apache_beam", "pandas", "pyarrow"}


def test_help_loads_nothing_heavy() -> None:
    help_text = (
        "from rrn_tf.cli.main import main\ntry:\n    main(['--help'])\nexcept SystemExit as e:\n    assert not e.code"
    )
    loaded = loaded_by(help_text)
    assert not loaded & {"tensorflow", "tf_keras", "apache_beam", "tfx", "pandas", "pyarrow", "matplotlib"}


@pytest.mark.slow
def test_keras_is_chosen_or_refused() -> None:
    def run(code: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=ROOT, check=False
        )

    # TensorFlow imported first is not too late ...
    early = run("import tensorflow as tf, rrn_tf; print(tf.keras.layers.Layer.__module__)")
    assert early.stdout.startswith("tf_keras"), early.stderr
    # ... its Keras used first is.
    late = run("import tensorflow as tf; tf.keras.layers.Layer; import rrn_tf")
    assert late.returncode == 1
    assert "import rrn_tf before tensorflow" in late.stderr.splitlines()[-1]


def names_of(module: Path) -> set[str]:
    """What a module defines or imports, wherever it stands, its own modules included."""
    found = {path.stem for path in module.parent.iterdir()} if module.stem == "__init__" else set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return found


def test_what_tests_import_is_there() -> None:
    """Within functions too, of which the fast tests run few; types of tests are not checked."""
    names: dict[Path, set[str]] = {}
    missing = []
    for path in sources("tests"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or node.module is None or node.level:
                continue
            place = ROOT.joinpath(*node.module.split("."))
            module = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
            if module.exists():
                known = names[module] = names.get(module) or names_of(module)
                missing += [f"{path}:{node.lineno}: {alias.name}" for alias in node.names if alias.name not in known]
    assert not missing
