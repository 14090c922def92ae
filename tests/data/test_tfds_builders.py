"""The builders by the test case that TensorFlow Datasets has for builders, on small files as published."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

import pytest

tfds = pytest.importorskip("tensorflow_datasets")

from rrn_tf.data import tfds_builders  # noqa: E402
from tests.conftest import HAS_TFX  # noqa: E402
from tests.published import WRITE  # noqa: E402

if not HAS_TFX:
    pytest.importorskip("dill", reason="the test case of TensorFlow Datasets imports dill, which TFX brings")


class _Case:
    """The files of a builder, and what it should make of them."""

    DATASET_CLASS: ClassVar[Any]
    SPLITS: ClassVar[dict[str, int]]
    SKIP_CHECKSUMS = True
    MOCK_OUT_FORBIDDEN_OS_FUNCTIONS = False  # which open files

    @classmethod
    def setUpClass(cls) -> None:
        cls._folder = tempfile.TemporaryDirectory()
        folder = Path(cls._folder.name, "files")
        cls.SPLITS = {"train": len(WRITE[cls.DATASET_CLASS.name](folder, count=60))}
        cls.EXAMPLE_DIR = str(folder)
        super().setUpClass()  # type: ignore[misc]

    @classmethod
    def tearDownClass(cls) -> None:
        cls._folder.cleanup()
        super().tearDownClass()  # type: ignore[misc]


class TestNetflixPrize(_Case, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = tfds_builders.NetflixPrize
    BUILDER_CONFIG_NAMES_TO_TEST: ClassVar = ["all"]


class TestMovieTweetings(_Case, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = tfds_builders.MovieTweetings
    DL_DOWNLOAD_RESULT: ClassVar = ["ratings.dat", "movies.dat"]
    BUILDER_CONFIG_NAMES_TO_TEST: ClassVar = ["all"]


class TestBrightkiteCheckins(_Case, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = tfds_builders.BrightkiteCheckins
    DL_DOWNLOAD_RESULT: ClassVar = ["loc-brightkite_totalCheckins.txt.gz"]


class TestLastfm1k(_Case, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = tfds_builders.Lastfm1k
    DL_EXTRACT_RESULT: ClassVar = ["."]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        folder = Path(cls.EXAMPLE_DIR)
        inside = folder / "lastfm-dataset-1K"
        inside.mkdir()
        for file in folder.glob("*.tsv"):
            file.rename(inside / file.name)


del _Case  # no test of its own
