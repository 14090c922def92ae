"""Each fault of data is found in one line; good data pass."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from rrn_tf.data.prepared import BadInputError
from rrn_tf.serving.warmup import example

tfdv = pytest.importorskip("tensorflow_data_validation")

SETTINGS = {"max_ahead": 86_400.0, "max_new_users": 0.99, "max_new_items": 0.5, "exclude_splits": "[]"}
NOTHING = object()  # an input that is not given
RATINGS = np.array([1, 2, 3, 3, 4, 4, 4, 5], np.float32)


def rows(**columns: Any) -> pd.DataFrame:
    """400 ratings as those before them, but for some columns."""
    index = np.arange(400)
    good = {
        "user_id": [f"u{n % 40}" for n in index],
        "item_id": [f"i{n % 25}" for n in index],
        "rating": RATINGS[index % 8],
        "timestamp": 1_000_000_000 + index * 600,
        "month": ["2001-09"] * 400,
        "user_activity": ["0"] * 400,
    }
    return pd.DataFrame(good | columns)


def artifact(kind: str, folder: Path, frame: pd.DataFrame | None = None) -> Any:
    from tfx.types import standard_artifacts

    made = getattr(standard_artifacts, kind)()
    made.uri = str(folder)
    if frame is not None:
        made.split_names = '["train"]'
        (folder / "Split-train").mkdir(parents=True)
        found = tfdv.generate_statistics_from_dataframe(frame, n_jobs=1)
        (folder / "Split-train" / "FeatureStats.pb").write_bytes(found.SerializeToString())
    return made


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Statistics of earlier data."""
    return artifact("ExampleStatistics", tmp_path_factory.mktemp("before") / "statistics", rows())


@pytest.fixture
def found(tmp_path: Path) -> Any:
    """Validates rows and returns the lines of what was found; further inputs and settings are passed on."""
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    from components.anomalies import anomaly_lines
    from components.data_validator.executor import Executor

    def found(
        frame: pd.DataFrame,
        *,
        stop: int = 0,
        range_: str = "min: 1 max: 5",
        schema: str = "ratings",
        **earlier: Any,
    ) -> list[str]:
        (tmp_path / "schema").mkdir()
        text = (resources.files("schemas") / f"{schema}.pbtxt").read_text()
        text = text.replace("float_domain {", f"float_domain {{ {range_}")
        (tmp_path / "schema" / "schema.pbtxt").write_text(text)
        inputs = {
            "statistics": [artifact("ExampleStatistics", tmp_path / "statistics", frame)],
            "schema": [artifact("Schema", tmp_path / "schema")],
            **{name: [of] for name, of in earlier.items() if of is not NOTHING},
        }
        output = artifact("ExampleAnomalies", tmp_path / "anomalies")
        Executor().Do(inputs, {"anomalies": [output]}, {**SETTINGS, "stop": stop})
        written = (tmp_path / "anomalies" / "Split-train" / "SchemaDiff.pb").read_bytes()
        lines = anomaly_lines(anomalies_pb2.Anomalies.FromString(written))
        assert output.get_json_value_custom_property("blessed") == {"train": int(not lines)}
        return lines

    return found


def test_good_rows_pass(found: Any, before: Any) -> None:
    later = rows(timestamp=1_000_500_000 + np.arange(400))
    assert found(later, stop=1, good_statistics=before, training_statistics=before) == []


@pytest.mark.parametrize(
    ("faulty", "expected"),
    [
        ({"rating": np.append(RATINGS[np.arange(399) % 8], np.float32(50))}, "rating: Unexpectedly high value: 50"),
        ({"timestamp": np.append(np.arange(399), 32_503_680_000)}, "timestamp: Unexpectedly large value: 32503680000"),
        ({"user_id": [None, *["u1"] * 399]}, "user_id: The feature has a shape, but it's not always present"),
    ],
)
def test_values_that_cannot_be(found: Any, faulty: dict[str, Any], expected: str) -> None:
    (line,) = found(rows(**faulty))
    assert line.startswith(expected)


@pytest.mark.parametrize(
    ("faulty", "feature"),
    [
        ({"rating": np.full(400, 5, np.float32)}, "rating"),
        ({"item_id": ["i1"] * 100 + [f"i{n % 25}" for n in range(300)]}, "item_id"),
    ],
)
def test_drift_and_skew(found: Any, before: Any, tmp_path: Path, faulty: dict[str, Any], feature: str) -> None:
    (line,) = found(rows(**faulty), good_statistics=before)
    assert line.startswith(f"{feature}: ")
    assert "between current and previous is" in line
    assert "above the threshold" in line


def test_what_stands_since_the_last_span_is_still_skew(found: Any, before: Any, tmp_path: Path) -> None:
    fives = rows(rating=np.full(400, 5, np.float32))
    last = artifact("ExampleStatistics", tmp_path / "last", fives)
    (line,) = found(fives, good_statistics=last, training_statistics=before)
    assert line.startswith("rating: ")
    assert "between training and serving is" in line


def test_faults_stop_in_one_line(found: Any, before: Any) -> None:
    faulty = rows(rating=np.full(400, 50, np.float32), timestamp=np.full(400, 32_503_680_000))
    with pytest.raises(BadInputError) as stopped:
        found(faulty, stop=1, good_statistics=before)
    line = str(stopped.value)
    assert "rating: " in line
    assert "; timestamp: " in line
    assert "\n" not in line


def test_share_of_new_values() -> None:
    from components.data_validator.executor import share_of_new

    ids = pa.chunked_array([["a", "b"], ["c", "c"]])
    assert share_of_new(ids, np.array(["a", "b"], object)) == 0.5
    assert share_of_new(ids, np.array([], object)) == 1.0
    assert share_of_new(pa.chunked_array([[]], pa.string()), np.array(["a"], object)) == 0.0


def test_new_values_are_an_anomaly_above_the_threshold() -> None:
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    from components.anomalies import anomaly_lines
    from components.data_validator.executor import _report_new

    anomalies = anomalies_pb2.Anomalies()
    _report_new(anomalies, "item_id", 0.5, 0.5)
    assert anomaly_lines(anomalies) == []
    _report_new(anomalies, "item_id", 0.625, 0.5)
    (line,) = anomaly_lines(anomalies)
    assert line == "item_id: 62.5% of the rows have a value that the model does not know, above the threshold 50.0%"


# --- events --------------------------------------------------------------------------------------------


def events(**columns: Any) -> pd.DataFrame:
    """60 events of the users and items that `event_model` knows, but for some columns."""
    index = np.arange(60)
    good = {
        "user_id": [f"user {n % 3}" for n in index],
        "item_id": [f"item {n % 6}" for n in index],
        "timestamp": 1_000_000_000 + index * 600,
        "position": index,
    }
    return pd.DataFrame(good | columns)


@pytest.fixture(scope="module")
def event_model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A saved Collaborative RNN of three users and six items."""
    from rrn_tf.serving.export_events import export_event_model
    from tests.serving.conftest import trained_on_events

    folder = tmp_path_factory.mktemp("model")
    export_event_model(trained_on_events(), folder)
    return artifact("Model", folder)


@pytest.fixture(scope="module")
def events_before(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return artifact("ExampleStatistics", tmp_path_factory.mktemp("events") / "statistics", events())


@pytest.fixture
def of_events(found: Any, event_model: Any, events_before: Any, tmp_path: Path) -> Any:
    """Validates events as a pipeline of updates does, beside the last good span, the training data and the model."""
    import tensorflow as tf

    def of_events(frame: pd.DataFrame, **options: Any) -> list[str]:
        examples = artifact("Examples", tmp_path / "examples")
        examples.split_names = '["train"]'
        (tmp_path / "examples" / "Split-train").mkdir(parents=True)
        with tf.io.TFRecordWriter(str(tmp_path / "examples" / "Split-train" / "rows.gz"), "GZIP") as file:
            for row in frame.to_dict("records"):
                file.write(example(**{name: [value] for name, value in row.items()}))
        given = {"good_statistics": events_before, "training_statistics": events_before, "base_model": event_model}
        return found(frame, schema="events", examples=examples, **(given | options))

    return of_events


def test_good_events_pass(of_events: Any) -> None:
    assert of_events(events(timestamp=1_000_500_000 + np.arange(60)), stop=1) == []


KNOWN = [f"item {n % 6}" for n in range(60)]
FAULTY_EVENTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "future times": ({"timestamp": np.full(60, 32_503_680_000)}, ["timestamp: Unexpectedly large value"]),
    "a negative place": ({"position": np.arange(-1, 59)}, ["position: Unexpectedly small value: -1"]),
    "new users": ({"user_id": [f"stranger {n % 3}" for n in range(60)]}, ["user_id: 100.0% of the rows have a value"]),
    "new items": ({"item_id": [f"new {n}" for n in range(60)]}, ["item_id: ", "100.0% of the rows have a value"]),
    "drift and skew": (
        {"item_id": [*["item 0"] * 30, *KNOWN[30:]]},
        ["item_id: ", "between current and previous is", "between training and serving is"],
    ),
}


@pytest.mark.parametrize("fault", FAULTY_EVENTS)
def test_faults_of_events(of_events: Any, fault: str) -> None:
    columns, expected = FAULTY_EVENTS[fault]
    (line,) = of_events(events(**columns))
    assert all(part in line for part in expected), line


def test_faults_of_events_stop_in_one_line(of_events: Any) -> None:
    faulty = events(user_id=[f"stranger {n}" for n in range(60)], timestamp=np.full(60, 32_503_680_000))
    with pytest.raises(BadInputError, match=r"timestamp: .*; user_id: |user_id: .*; timestamp: ") as stopped:
        of_events(faulty, stop=1)
    assert "\n" not in str(stopped.value)


def test_without_a_model_no_event_is_new_and_without_earlier_data_none_drifts(of_events: Any) -> None:
    faulty = events(item_id=["new"] * 60, user_id=["stranger"] * 60)
    assert of_events(faulty, base_model=NOTHING, good_statistics=NOTHING, training_statistics=NOTHING) == []
