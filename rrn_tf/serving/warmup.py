"""Writes warm-up requests, which TensorFlow Serving runs on loading, so that a user's first request is not slow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from rrn_tf.serving.model_card import EXTRA

WARMUP = "tf_serving_warmup_requests"


def write_warmup(path: Path, requests: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes one request for each signature beside a SavedModel.

    Args:
      path: the SavedModel's directory.
      requests: the inputs by name, tensors or arrays of the signature's types, by signature.
    """
    (path / EXTRA).mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path / EXTRA / WARMUP)) as writer:
        for signature, inputs in requests.items():
            request = predict_pb2.PredictRequest()
            request.model_spec.signature_name = signature
            for name, values in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
            log = prediction_log_pb2.PredictLog(request=request)
            writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString())


def example(**features: Any) -> bytes:
    """Serializes a `tf.Example` with lists of strings and integers."""
    kinds = {
        name: tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        if isinstance(values[0], int)
        else tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))
        for name, values in features.items()
    }
    return bytes(tf.train.Example(features=tf.train.Features(feature=kinds)).SerializeToString())
