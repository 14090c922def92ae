"""Set-up of every test: a quiet environment, seeds, and four logical CPU devices."""

from __future__ import annotations

import fcntl
import functools
import gc
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before anything imports TensorFlow, here or in a process that a test starts.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("PYTHONWARNINGS", "ignore")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import numpy as np
import pytest
import wrapt

from requirements.choose import LIBRARY, choose, glibc_version

# Imports alone make millions of objects, none of which is garbage; see `pytest_collection_finish`.
gc.disable()

SEED = 20170206
TESTS = Path(__file__).parent
# Folders of tests that import TFX.
ON_TFX = ("components", "pipeline")
# No set but this one leaves TFX out.
HAS_TFX = choose(sys.version_info[:2], glibc_version()) != LIBRARY
WITHOUT_TFX = "TFX is not installed: it has no wheel for this Python and C library"
# Files and folders of tests that take longest, in this order.
FIRST = ("serving", "pipeline", "components", "training", "runs", "test_forward_pass.py", "benchmarks", "bench")


@wrapt.when_imported("tensorflow")
def _four_logical_devices(tf: Any) -> None:
    # Logical devices can be set only before TensorFlow's first operation. The hook runs when some test first
    # imports TensorFlow, so that order does not matter and a run without TensorFlow does not pay for it.
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)


class WithoutTfx(pytest.Module):
    """A file of tests that is not imported, because what it tests stands on TFX."""

    def collect(self) -> list[pytest.Item]:
        pytest.skip(WITHOUT_TFX, allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Where the lock has no TFX, tests of components and pipelines are skipped; elsewhere its absence fails them."""
    if HAS_TFX or module_path.relative_to(TESTS).parts[0] not in ON_TFX:
        return None
    return WithoutTfx.from_parent(parent, path=module_path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that no process is left alone with it at the end."""

    def place(item: pytest.Item) -> int:
        below = "".join(item.nodeid.partition("::")[0].split("/")[1:2])
        return FIRST.index(below) if below in FIRST else len(FIRST)

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Garbage is collected again, but never looked for among what imports have made, which took a tenth of the time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # a graph that is traced is made of many small objects that stay
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file is run by one process, and so are all files of `serving`, which share what is trained and saved."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "tests/serving" if nodeid.startswith("tests/serving/") else super()._split_scope(nodeid)

    return Scheduling(config, log)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - libraries draw from it
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].random.set_seed(SEED)


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded generator, the same in every test."""
    return np.random.default_rng(SEED)


@pytest.fixture(scope="session")
def two_replicas() -> Any:
    """A MirroredStrategy over two logical CPU devices; TensorFlow allows no other one beside it in a process."""
    from rrn_tf.training.devices import make_strategy

    return make_strategy(2)


@pytest.fixture(scope="module")
def models_load_once() -> Iterator[None]:
    """What commands and recommenders of one process have TensorFlow load again is what it has loaded before.

    All that is checked before still is. For files of tests that ask many times what the models of few folders answer.
    """
    import tensorflow as tf

    @functools.cache
    def of_version(path: str, written: int) -> Any:
        return load(path)

    load = tf.saved_model.load
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            tf.saved_model, "load", lambda path: of_version(path, Path(path, "saved_model.pb").stat().st_mtime_ns)
        )
        yield


Makes = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Makes:
    """Makes a folder by name, which one of the processes fills while others that want it wait; tests only read it."""
    shared = tmp_path_factory.getbasetemp()
    if hasattr(pytestconfig, "workerinput"):  # a process of xdist, which has a folder of its own below that of all
        shared = shared.parent

    def make(name: str, fill: Callable[[Path], object]) -> Path:
        folder, made = shared / name, shared / f"{name}.made"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                made.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def prepared_dir(made_once: Makes) -> Path:
    """4,000 ratings in which users and items differ much and noise is small."""
    from rrn_tf.data.synthetic import generate
    from tests.prepared import CLEAR, write_synthetic

    return made_once("prepared", lambda folder: write_synthetic(generate(CLEAR), folder))


@pytest.fixture(scope="session")
def rating_run(made_once: Makes) -> Path:
    """The run directory of an RRN trained on the early ratings of `tests.recommended`."""
    from rrn_tf import RRNRecommender
    from tests.recommended import TINY, early_and_late, rating_frame

    def train(root: Path) -> None:
        RRNRecommender(overrides=TINY).fit(early_and_late(rating_frame())[0], output=root)

    return made_once("rating_run", train)


@pytest.fixture(scope="session")
def event_run(made_once: Makes) -> Path:
    """The run directory of a mixture trained on the early events of `tests.recommended`."""
    from rrn_tf import CollaborativeRecommender
    from tests.recommended import TINY_EVENTS, early_and_late, event_frame

    def train(root: Path) -> None:
        CollaborativeRecommender(overrides=TINY_EVENTS).fit(early_and_late(event_frame())[0], output=root)

    return made_once("event_run", train)
