"""TFX's BulkInferrer takes the model and the Examples as they are, and answers as the other ways do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_serving.apis import prediction_log_pb2
from tfx import v1 as tfx
from tfx.components.bulk_inferrer.executor import Executor
from tfx.types import channel_utils, standard_artifacts

from rrn_tf.beam.score import score_pairs
from rrn_tf.config import config_from_dict
from rrn_tf.features import ITEM_ID, PREDICTION, RATING, TIMESTAMP, USER_ID
from rrn_tf.serving.export import export_saved_model
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.training.alternating import train

PAIR = [USER_ID, ITEM_ID, TIMESTAMP]


@pytest.fixture(scope="module")
def model(sequences: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("model")
    sizes = {"units": 4, "embedding": 4, "dynamic": 3, "stationary": 2}
    config = config_from_dict({"model": sizes, "training": {"epochs": 1, "rows_per_batch": 256}})
    artifact = standard_artifacts.Model()
    artifact.uri = str(root)
    export_saved_model(train(sequences.uri, root / "checkpoints", config).snapshot(), root / "Format-Serving")
    return artifact


def value(example: tf.train.Example, name: str) -> Any:
    (found,) = getattr(feature := example.features.feature[name], feature.WhichOneof("kind")).value
    return found


@pytest.mark.slow
def test_the_component_is_made_as_documented(examples: Any, model: Any) -> None:
    page = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
    (block,) = (block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "BulkInferrer" in block)
    names: dict[str, Any] = {}
    exec(compile(block, "docs/serving.md", "exec"), names)
    made = names["bulk_inferrer"](*(channel_utils.as_channel([artifact]) for artifact in (examples, model)))
    assert json.loads(made.exec_properties["model_spec"])["model_signature_name"] == ["serving_default"]


@pytest.mark.slow
def test_bulk_inferrer_answers_every_example(examples: Any, model: Any, tmp_path: Path) -> None:
    inferred = standard_artifacts.InferenceResult()
    inferred.uri = str(tmp_path / "inferred")
    specs = {
        "model_spec": tfx.proto.ModelSpec(model_signature_name=["serving_default"]),
        "data_spec": tfx.proto.DataSpec(example_splits=["test"]),
    }
    properties = {
        name: json_format.MessageToJson(spec, preserving_proto_field_name=True) for name, spec in specs.items()
    }
    Executor().Do({"examples": [examples], "model": [model]}, {"inference_result": [inferred]}, properties)

    rows = []
    for record in tf.data.TFRecordDataset(tf.io.gfile.glob(f"{inferred.uri}/*.gz"), "GZIP").as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record).predict_log
        answers = tf.make_ndarray(log.response.outputs[RATING])
        requests = [tf.train.Example.FromString(text) for text in tf.make_ndarray(log.request.inputs["examples"])]
        rows += [
            (value(asked, USER_ID).decode(), value(asked, ITEM_ID).decode(), value(asked, TIMESTAMP), answer)
            for asked, answer in zip(requests, answers, strict=True)
        ]
    found = pd.DataFrame(rows, columns=[*PAIR, PREDICTION]).sort_values(PAIR, ignore_index=True)
    expected = tf.io.gfile.glob(f"{examples.uri}/Split-test/*")
    assert len(found) == sum(1 for _ in tf.data.TFRecordDataset(expected, "GZIP")) > 0
    saved = SavedRRN(f"{model.uri}/Format-Serving")
    np.testing.assert_allclose(found[PREDICTION], saved.predict(*(found[name] for name in PAIR)), rtol=1e-5)

    found[PAIR].to_csv(tmp_path / "pairs.csv", index=False)
    score_pairs(f"{model.uri}/Format-Serving", str(tmp_path / "pairs.csv"), str(tmp_path / "scores"))
    scored = pd.concat([pq.read_table(file).to_pandas() for file in tmp_path.glob("scores*.parquet")])
    scored = scored.sort_values(PAIR, ignore_index=True)
    np.testing.assert_allclose(scored[PREDICTION], found[PREDICTION], rtol=1e-5)
    assert json.loads((tmp_path / "scores-summary.json").read_text())["pairs"] == len(found)
