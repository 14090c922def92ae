"""A test double of TensorFlow Serving in Python: Predict and GetModelMetadata over gRPC.

It is for benchmarks and tests without TensorFlow Serving, and not for production: it loads each model once. It needs
TensorFlow, grpcio and tensorflow-serving-api, but no code of the models.

Example:
  python -m rrn_tf.bench.grpc_double --model rrn=runs/a/model --port 8500
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_log_pb2, prediction_service_pb2_grpc

from rrn_tf.environment import peak_memory_bytes
from rrn_tf.serving.model_card import EXTRA
from rrn_tf.serving.warmup import WARMUP

UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_DEFAULT_SIGNATURE = "serving_default"
_METADATA_FIELD = "signature_def"


class Servable(NamedTuple):
    """A loaded model and its version."""

    version: int
    module: Any
    signature_defs: Mapping[str, Any]


class RefusedError(Exception):
    """An error that is sent as the response.

    Args:
      code: status code of gRPC.
      message: message in the wording of TensorFlow Serving.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class PredictionDouble(prediction_service_pb2_grpc.PredictionServiceServicer):
    """A service that responds as TensorFlow Serving does, with its error codes.

    Args:
      models: by name, a directory of numbered versions, of which the newest is loaded, or a SavedModel (version 1).
    """

    def __init__(self, models: Mapping[str, str | Path]) -> None:
        self._servables = {name: load_servable(Path(path)) for name, path in models.items()}

    def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the name is the stubs'
        try:
            return self._predict(request)
        except RefusedError as refused:
            return context.abort(refused.code, str(refused))

    def GetModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        try:
            return self._metadata(request)
        except RefusedError as refused:
            return context.abort(refused.code, str(refused))

    def _predict(self, request: Any) -> Any:
        servable = self._servable(request)
        name = request.model_spec.signature_name or _DEFAULT_SIGNATURE
        if name not in servable.signature_defs:
            raise RefusedError(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        wanted, given = set(servable.signature_defs[name].inputs), set(request.inputs)
        if wanted != given:
            raise _invalid(
                f"input size does not match signature: {len(given)}!={len(wanted)}. "
                f"Sent extra: {{{_listed(given - wanted)}}}. Missing but required: {{{_listed(wanted - given)}}}."
            )
        outputs = _answer(servable.module.signatures[name], request.inputs)
        chosen = list(request.output_filter) or list(outputs)
        if unknown := set(chosen) - set(outputs):
            raise _invalid(f"output tensor alias not found in signature: {_listed(unknown)}")
        response = predict_pb2.PredictResponse()
        response.model_spec.name, response.model_spec.signature_name = request.model_spec.name, name
        response.model_spec.version.value = servable.version
        for alias in chosen:
            response.outputs[alias].CopyFrom(tf.make_tensor_proto(outputs[alias].numpy()))
        return response

    def _metadata(self, request: Any) -> Any:
        if not request.metadata_field:
            raise _invalid("GetModelMetadataRequest must specify at least one metadata_field")
        if unknown := set(request.metadata_field) - {_METADATA_FIELD}:
            raise _invalid(f"Metadata field {_listed(unknown)} is not supported")
        servable = self._servable(request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, definition in servable.signature_defs.items():
            signatures.signature_def[name].CopyFrom(definition)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = servable.version
        response.metadata[_METADATA_FIELD].Pack(signatures)
        return response

    def _servable(self, request: Any) -> Servable:
        if not request.HasField("model_spec"):
            raise _invalid("Missing ModelSpec")
        spec = request.model_spec
        if not spec.name:
            raise _invalid("ModelSpec has no name specified.")
        servable = self._servables.get(spec.name)
        if spec.HasField("version"):
            wanted = f"Specific({spec.name}, {spec.version.value})"
            servable = servable if servable and servable.version == spec.version.value else None
        else:
            wanted = f"Latest({spec.name})"
        if servable is None:
            raise RefusedError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}")
        return servable


def load_servable(path: Path) -> Servable:
    """Loads the newest numbered version below a path, or the SavedModel at the path, and runs warm-up requests."""
    versions = sorted(int(folder.name) for folder in path.iterdir() if folder.name.isdigit())
    folder, version = (path / str(versions[-1]), versions[-1]) if versions else (path, 1)
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    signatures = {
        name: definition for name, definition in saved.meta_graphs[0].signature_def.items() if not name.startswith("_")
    }
    servable = Servable(version, tf.saved_model.load(str(folder)), signatures)
    requests = folder / EXTRA / WARMUP
    # A failing warm-up request makes loading fail, as in TensorFlow Serving.
    for record in tf.data.TFRecordDataset([str(requests)] if requests.exists() else []).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        _answer(servable.module.signatures[request.model_spec.signature_name or _DEFAULT_SIGNATURE], request.inputs)
    return servable


def start_double(models: Mapping[str, str | Path], port: int = 0, threads: int = 8) -> tuple[grpc.Server, int]:
    """Starts a server on the loopback interface; call `stop` on it to end it.

    Args:
      models: as in `PredictionDouble`.
      port: port to listen on; 0 chooses a free one.
      threads: number of requests that are processed at once.

    Returns:
      The server and its port.
    """
    server = grpc.server(ThreadPoolExecutor(threads), options=UNLIMITED)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionDouble(models), server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, port


def _answer(signature: Any, inputs: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    try:
        return signature(**{name: tf.constant(tf.make_ndarray(tensor)) for name, tensor in inputs.items()})
    except tf.errors.OpError as error:
        # Error codes of TensorFlow equal those of gRPC.
        code = next(code for code in grpc.StatusCode if code.value[0] == error.error_code)
        raise RefusedError(code, error.message) from None
    except (TypeError, ValueError) as error:
        raise _invalid(str(error)) from None


def _invalid(message: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.INVALID_ARGUMENT, message)


def _listed(names: set[str]) -> str:
    return ",".join(sorted(names))


def main() -> None:
    """Serves until standard input ends; prints JSON lines with the port and, at the end, peak memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", required=True, metavar="NAME=DIR", help="may be repeated")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    arguments = parser.parse_args()
    server, port = start_double(dict(model.split("=", 1) for model in arguments.model), arguments.port)
    print(json.dumps({"port": port}), flush=True)
    # The pipe closes when the parent process ends in any way.
    sys.stdin.read()
    server.stop(grace=1).wait()
    print(json.dumps({"peak_memory_bytes": peak_memory_bytes()}), flush=True)


if __name__ == "__main__":
    main()
