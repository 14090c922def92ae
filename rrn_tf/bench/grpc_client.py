"""Requests to TensorFlow Serving over gRPC, through the stubs that it publishes."""

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
    """The stub of the prediction service at ``host:port``; no connection is made before the first request."""
    with grpc.insecure_channel(address, options=UNLIMITED) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def predict_request(model: str, signature: str, **inputs: npt.ArrayLike | tf.Tensor) -> Any:
    """A request for one signature's answer.

    Args:
      model: name the server has it under.
      signature: such as ``predict``.
      inputs: by name, arrays or tensors of the signature's types.
    """
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return request


def outputs_of(response: Any) -> Mapping[str, npt.NDArray[Any]]:
    """A response's tensors by name; text as bytes."""
    return {name: np.asarray(tf.make_ndarray(tensor)) for name, tensor in response.outputs.items()}
