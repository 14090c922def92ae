"""What clients of TensorFlow Serving get, through its own gRPC stubs.

The server is a test double (`rrn_tf.bench.grpc_double`). Where RRN_TF_SERVING names a TensorFlow Serving (host:port),
the same tests ask that one too, and for the Collaborative RNN the one of RRN_TF_SERVING_CRNN (by default the same).
They put their models as new versions into RRN_TF_SERVING_MODELS/rrn and /crnn (default: models), the directories that
are served, wait until they are loaded, and remove them at the end. docs/serving.md has the commands.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2

from rrn_tf.bench.grpc_client import connected, outputs_of, predict_request
from rrn_tf.bench.grpc_double import start_double
from tests.serving.conftest import Saved, SavedEvents, loaded

DAY = 86_400
REAL = os.environ.get("RRN_TF_SERVING")
REAL_EVENTS = os.environ.get("RRN_TF_SERVING_CRNN", REAL)
MODELS = Path(os.environ.get("RRN_TF_SERVING_MODELS", "models"))
PATIENCE = 180  # seconds
NOT_FOUND, INVALID = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT


class Server(NamedTuple):
    """Who serves each model: the address, its stub, the version, and the same model in this process."""

    addresses: dict[str, str]
    stubs: dict[str, Any]
    versions: dict[str, int]
    models: dict[str, Any]

    def predict(self, request: Any) -> Any:
        stub = self.stubs.get(request.model_spec.name, self.stubs["rrn"])
        return stub.Predict(request, timeout=PATIENCE)

    def ask(self, model: str, signature: str, **inputs: Any) -> dict[str, np.ndarray]:
        return dict(outputs_of(self.predict(predict_request(model, signature, **inputs))))

    def refusal(self, model: str, signature: str, **inputs: Any) -> grpc.StatusCode:
        with pytest.raises(grpc.RpcError) as caught:
            self.ask(model, signature, **inputs)
        assert caught.value.details()
        return caught.value.code()


@pytest.fixture(scope="module", params=["double", *(["TensorFlow Serving"] if REAL else [])])
def server(
    request: pytest.FixtureRequest,
    saved: Saved,
    saved_events: SavedEvents,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    real = request.param != "double"
    root = MODELS if real else tmp_path_factory.mktemp("models")
    copies = {name: new_version(root / name, model.path) for name, model in (("rrn", saved), ("crnn", saved_events))}
    double, channels = None, ExitStack()
    addresses = {"rrn": REAL or "", "crnn": REAL_EVENTS or ""}
    if not real:
        double, port = start_double({name: root / name for name in copies})
        addresses = dict.fromkeys(copies, f"127.0.0.1:{port}")
    try:
        stubs = {name: channels.enter_context(connected(address)) for name, address in addresses.items()}
        versions = {name: int(path.name) for name, path in copies.items()}
        for name, version in versions.items():
            wait_for(stubs[name], name, version)
        models = {"rrn": loaded(saved.path), "crnn": loaded(saved_events.path)}
        yield Server(addresses, stubs, versions, models)
    finally:
        channels.close()
        if double:
            double.stop(None)
        for path in copies.values():
            shutil.rmtree(path)


def new_version(folder: Path, model: Path) -> Path:
    """Copies a model to the next version; its name appears last, so that no server sees half of it."""
    versions = [int(path.name) for path in folder.glob("*") if path.name.isdigit()]
    target = folder / str(max(versions, default=0) + 1)
    shutil.copytree(model, folder / "incoming")
    (folder / "incoming").rename(target)
    return target


def wait_for(stub: Any, model: str, version: int) -> None:
    end = time.monotonic() + PATIENCE
    while problem := problem_with(stub, model, version):
        assert time.monotonic() < end, f"expected version {version} of {model} within {PATIENCE} s, found: {problem}"
        time.sleep(1)


def problem_with(stub: Any, model: str, version: int) -> str:
    try:
        metadata(stub, model, version)
    except grpc.RpcError as error:
        return error.details()
    return ""


def metadata(stub: Any, model: str, version: int | None = None, field: str = "signature_def") -> Any:
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=[field])
    request.model_spec.name = model
    if version is not None:
        request.model_spec.version.value = version
    return stub.GetModelMetadata(request, timeout=PATIENCE)


def rating_example(user: str, item: str, time: int) -> bytes:
    feature = {
        "user_id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[user.encode()])),
        "item_id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[item.encode()])),
        "timestamp": tf.train.Feature(int64_list=tf.train.Int64List(value=[time])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def history_example(user: str, history: list[str]) -> bytes:
    def text(values: list[str]) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))

    features = tf.train.Features(feature={"user_id": text([user]), "history": text(history)})
    return tf.train.Example(features=features).SerializeToString()


def inputs_of(server: Server, model: str) -> dict[str, dict[str, Any]]:
    """Inputs of every signature: known and unknown ids, several times, padding."""
    if model == "crnn":
        histories = [["item 3", "unknown"], ["", ""], ["item 1", ""]]
        users = ["user 2", "nobody", ""]
        plain = {"user_id": users, "history": histories, "k": np.int32(4)}
        times = {"history_timestamp": np.arange(6).reshape(3, 2) * DAY, "timestamp": np.array([5, 6, 7]) * DAY}
        return {
            "next_items": plain,
            "next_items_at": {**plain, **times, "exclude": [["item 2"], [""], ["unknown"]], "new_only": np.bool_(True)},
            "serving_default": {"examples": [history_example(*row) for row in zip(users, histories, strict=True)]},
        }
    module = server.models[model]
    users = [*module.user_ids.numpy()[1:4], b"nobody"]
    items = [b"unknown", *module.item_ids.numpy()[1:4]]
    times = module.cutoff.numpy() + np.array([0, 40, -3, 5]) * DAY
    pairs = {"user_id": users, "item_id": items, "timestamp": times}
    user = {"user_id": users, "timestamp": times, "k": np.int32(5)}
    history = {
        "history_item_id": [items[:2], [b"", b""], items[2:], items[1:3]],
        "history_rating": np.array([[1, 5], [0, 0], [3, 4], [2, 2]], np.float32),
        "history_timestamp": module.cutoff.numpy() + np.array([[0, 1], [0, 0], [-9, 2], [4, 4]]) * DAY,
    }
    decoded = ((u.decode(), i.decode(), int(t)) for u, i, t in zip(users, items, times, strict=True))
    return {
        "predict": pairs,
        "serving_default": {"examples": [rating_example(*row) for row in decoded]},
        "recommend": user,
        "recommend_except": {**user, "exclude": [items[1:3]] * 4},
        "recommend_from": {**user, "candidates": [[*items, b""]] * 4},
        "predict_from_history": {**pairs, **history},
    }


def typed(server: Server, model: str, signature: str) -> dict[str, tf.Tensor]:
    """Inputs as tensors of the signature's types."""
    types = server.models[model].signatures[signature].structured_input_signature[1]
    return {key: tf.constant(values, types[key].dtype) for key, values in inputs_of(server, model)[signature].items()}


def assert_same(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], name: str) -> None:
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        if values.dtype == object:
            np.testing.assert_array_equal(found[key], values, f"{name}: {key}")
        else:
            np.testing.assert_allclose(found[key], values, rtol=1e-5, atol=1e-6, err_msg=f"{name}: {key}")


@pytest.mark.slow
@pytest.mark.parametrize("model", ["rrn", "crnn"])
def test_every_signature_answers_as_it_does_in_process(server: Server, model: str) -> None:
    signatures = server.models[model].signatures
    assert inputs_of(server, model).keys() >= set(signatures)
    for name, signature in signatures.items():
        tensors = typed(server, model, name)
        expected = {key: value.numpy() for key, value in signature(**tensors).items()}
        assert_same(server.ask(model, name, **tensors), expected, name)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["rrn", "crnn"])
def test_a_session_answers_alike(server: Server, saved: Saved, saved_events: SavedEvents, model: str) -> None:
    """TensorFlow Serving runs a model's graph in a session, which resolves tables and functions in ways of its own."""
    path = {"rrn": saved.path, "crnn": saved_events.path}[model]
    inputs = inputs_of(server, model)
    expected = {name: server.ask(model, name, **typed(server, model, name)) for name in server.models[model].signatures}
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        definitions = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(path)).signature_def
        for name, answers in expected.items():
            definition = definitions[name]
            feed = {definition.inputs[key].name: values for key, values in inputs[name].items()}
            found = session.run({key: info.name for key, info in definition.outputs.items()}, feed)
            assert_same(found, answers, name)


@pytest.mark.parametrize("model", ["rrn", "crnn"])
def test_metadata_describe_every_signature(server: Server, model: str) -> None:
    response = metadata(server.stubs[model], model)
    assert (response.model_spec.name, response.model_spec.version.value) == (model, server.versions[model])
    found = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(found)
    signatures = server.models[model].signatures
    assert found.signature_def.keys() - {"__saved_model_init_op"} == set(signatures)
    for name, signature in signatures.items():
        inputs = {key: tf.as_dtype(info.dtype) for key, info in found.signature_def[name].inputs.items()}
        assert inputs == {key: spec.dtype for key, spec in signature.structured_input_signature[1].items()}
        assert found.signature_def[name].outputs.keys() == signature.structured_outputs.keys()


def test_names_that_are_left_out_have_defaults(server: Server) -> None:
    inputs = inputs_of(server, "rrn")["serving_default"]
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "rrn"
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto(inputs["examples"]))
    response = server.predict(request)
    assert response.model_spec.signature_name == "serving_default"
    assert response.model_spec.version.value == server.versions["rrn"]
    np.testing.assert_array_equal(
        outputs_of(response)["rating"], server.ask("rrn", "serving_default", **inputs)["rating"]
    )


def test_outputs_can_be_chosen_and_versions_pinned(server: Server) -> None:
    request = predict_request("rrn", "recommend", **inputs_of(server, "rrn")["recommend"])
    request.output_filter.append("score")
    request.model_spec.version.value = server.versions["rrn"]
    assert outputs_of(server.predict(request)).keys() == {"score"}
    request.output_filter[0] = "points"
    with pytest.raises(grpc.RpcError) as caught:
        server.predict(request)
    assert caught.value.code() == INVALID


def test_what_is_not_there_is_not_found(server: Server) -> None:
    inputs = inputs_of(server, "rrn")["predict"]
    assert server.refusal("nothing", "predict", **inputs) == NOT_FOUND
    assert server.refusal("", "predict", **inputs) == INVALID
    assert server.refusal("rrn", "nothing", **inputs) == grpc.StatusCode.FAILED_PRECONDITION
    for version, field, code in ((10**9, "signature_def", NOT_FOUND), (None, "weather", INVALID)):
        with pytest.raises(grpc.RpcError) as caught:
            metadata(server.stubs["rrn"], "rrn", version, field)
        assert caught.value.code() == code


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"timestamp": None}, id="missing"),
        pytest.param({"rating": [1.0] * 4}, id="more than asked for"),
        pytest.param({"timestamp": ["now"] * 4}, id="text for a number"),
        pytest.param({"user_id": [[b"a"], [b"b"]]}, id="a matrix for a list"),
    ],
)
def test_bad_requests_are_refused_and_harm_nobody(server: Server, change: dict[str, Any]) -> None:
    good = inputs_of(server, "rrn")["predict"]
    bad = {name: values for name, values in {**good, **change}.items() if values is not None}
    before = server.ask("rrn", "predict", **good)["rating"]
    assert server.refusal("rrn", "predict", **bad) == INVALID
    np.testing.assert_array_equal(server.ask("rrn", "predict", **good)["rating"], before)


def test_examples_that_cannot_be_parsed_are_refused(server: Server) -> None:
    assert server.refusal("rrn", "serving_default", examples=[b"\xff\xff"]) == INVALID


def test_clients_at_the_same_time_get_their_own_answers(server: Server) -> None:
    users = server.models["rrn"].user_ids.numpy()[1:41]
    item, now = server.models["rrn"].item_ids.numpy()[1], int(server.models["rrn"].cutoff.numpy())

    def ask(user: bytes) -> float:
        return float(
            server.ask("rrn", "predict", user_id=[user], item_id=[item], timestamp=np.array([now]))["rating"][0]
        )

    together = server.ask("rrn", "predict", user_id=users, item_id=[item] * 40, timestamp=np.full(40, now))["rating"]
    with ThreadPoolExecutor(8) as pool:
        np.testing.assert_allclose(list(pool.map(ask, users)), together, rtol=1e-5)


def test_a_large_request_is_answered_whole(server: Server) -> None:
    good = inputs_of(server, "rrn")["predict"]
    times = 25_000
    many = server.ask("rrn", "predict", **{name: np.tile(np.asarray(values), times) for name, values in good.items()})
    few = server.ask("rrn", "predict", **good)["rating"]
    np.testing.assert_allclose(many["rating"], np.tile(few, times), rtol=1e-5)


def test_the_documented_client_prints_items(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
    (client,) = (block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "import grpc" in block)
    client, patient = re.subn(r"timeout=[\d.]+", f"timeout={PATIENCE}", client)  # a busy machine may take longer
    assert patient == 1
    exec(compile(client.replace("localhost:8500", server.addresses["rrn"]), "docs/serving.md", "exec"), {})
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 10
    assert {item.encode() for item, _ in lines} <= set(server.models["rrn"].item_ids.numpy()[1:])
    scores = [float(score) for _, score in lines]
    assert scores == sorted(scores, reverse=True)
