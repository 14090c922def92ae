"""RatingsExampleGen: splits, dead letters and the rule on bad rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from components.ratings_example_gen.component import RatingsExampleGen
from components.ratings_example_gen.executor import REJECTED_FILE, Executor
from rrn_tf.data.prepared import BadInputError
from rrn_tf.features import SPLIT_NAMES
from tests.components.conftest import BAD_ROW


def records(examples: Any, split: str) -> list[bytes]:
    files = tf.io.gfile.glob(f"{examples.uri}/Split-{split}/*")
    return [record.numpy() for record in tf.data.TFRecordDataset(files, "GZIP")]


def parsed(record: bytes) -> dict[str, Any]:
    features = tf.train.Example.FromString(record).features.feature
    return {
        name: (feature.bytes_list.value or feature.float_list.value or feature.int64_list.value)[0]
        for name, feature in features.items()
    }


def test_time_splits_the_ratings(examples: Any) -> None:
    assert json.loads(examples.split_names) == list(SPLIT_NAMES)
    rows = {split: [parsed(record) for record in records(examples, split)] for split in SPLIT_NAMES}
    assert sum(map(len, rows.values())) == 600
    last_training = max(row["timestamp"] for row in rows["train"])
    assert len(rows["train"]) == 480
    for split in ("valid", "test"):
        assert rows[split]
        assert min(row["timestamp"] for row in rows[split]) > last_training


def test_examples_carry_the_slices(examples: Any) -> None:
    row = parsed(records(examples, "train")[0])
    assert set(row) == {"user_id", "item_id", "rating", "timestamp", "month", "user_activity"}
    assert row["user_activity"] in {b"1-9", b"10-99"}


def test_rejected_rows_are_kept_and_counted(examples: Any) -> None:
    (file,) = Path(examples.uri).glob("*.jsonl")
    (line,) = file.read_text().splitlines()
    assert json.loads(line)["row"] == BAD_ROW
    assert sum(json.loads(Path(examples.uri, REJECTED_FILE).read_text()).values()) == 1


def test_too_many_bad_rows_fail_in_one_line_and_leave_the_dead_letters(
    ratings_csv: Path, data_config: dict[str, Any], tmp_path: Path
) -> None:
    from tfx.types import standard_artifacts

    strict = {**data_config, "max_bad_share": 0.0}
    component = RatingsExampleGen(str(ratings_csv.parent), "*.csv", strict, dead_letters=str(tmp_path / "dead"))
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path / "examples")
    with pytest.raises(BadInputError, match="1 of 601 rows") as error:
        Executor().Do({}, {"examples": [artifact]}, dict(component.exec_properties))
    assert "\n" not in str(error.value)
    assert len((tmp_path / "dead" / "dead_letters.jsonl").read_text().splitlines()) == 1
