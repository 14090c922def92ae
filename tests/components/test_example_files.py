"""Examples of which a file was lost are refused, whoever reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tfx.types import artifact_utils, standard_artifacts

from components.example_files import split_files
from components.state_updater.executor import read_ratings
from rrn_tf.data.prepared import BadInputError


def test_files_come_in_order(examples: Any) -> None:
    for split in artifact_utils.decode_split_names(examples.split_names):
        files = split_files(examples, split)
        assert files == sorted(map(str, Path(examples.uri, f"Split-{split}").iterdir()))


@pytest.mark.parametrize(
    ("left", "found"),
    [
        ([], "expected 1 file of Examples, found 0"),
        (
            ["data_tfrecord-00000-of-00003.gz", "data_tfrecord-00002-of-00003.gz"],
            "expected 3 files of Examples, found 2",
        ),
    ],
)
def test_a_lost_file_is_told(left: list[int], found: str, tmp_path: Path) -> None:
    examples = standard_artifacts.Examples()
    examples.uri, examples.split_names = str(tmp_path), artifact_utils.encode_split_names(["train"])
    (tmp_path / "Split-train").mkdir()
    for number in left:
        (tmp_path / "Split-train" / f"data_tfrecord-{number:05}-of-00003.gz").touch()
    with pytest.raises(BadInputError, match=found):
        split_files(examples, "train")
    with pytest.raises(BadInputError, match="--no-cache"):
        read_ratings(examples)


def test_files_of_other_names_are_read(tmp_path: Path) -> None:
    examples = standard_artifacts.Examples()
    examples.uri, examples.split_names = str(tmp_path), artifact_utils.encode_split_names(["train"])
    (tmp_path / "Split-train").mkdir()
    (tmp_path / "Split-train" / "some.gz").touch()
    assert split_files(examples, "train") == [str(tmp_path / "Split-train" / "some.gz")]
