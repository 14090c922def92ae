"""Sends requests to TensorFlow Serving over gRPC, with its published stubs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from rrn_tf.bench.grpc_double import UNLIMITED


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Yields a stub of the prediction service at ``host:port``; it connects at the first request."""
    with grpc.insecure_channel(address, options=UNLIMITED) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def predict_request(model: str, signature: str, **inputs: npt.ArrayLike | tf.Tensor) -> Any:
    """Builds a request to one signature.

    Args:
      model: name of the model on the server.
      signature: name such as ``predict``.
      inputs: arrays or tensors of the signature's types, by name.
    """
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return request


def outputs_of(response: Any) -> Mapping[str, npt.NDArray[Any]]:
    """Converts a response's tensors to arrays by name; text is bytes."""
    return {name: np.asarray(tf.make_ndarray(tensor)) for name, tensor in response.outputs.items()}
