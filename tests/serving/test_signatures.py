"""Names, types and shapes of every signature, as clients of TensorFlow Serving see them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import TensorInfo
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from tests.serving.conftest import Saved, SavedEvents

GOLDEN = Path(__file__).parent / "signatures.txt"
HEAD = "# Clients depend on these: a change here is a breaking one, for a major version.\n"


def line(name: str, info: TensorInfo) -> str:
    shape = "any" if info.tensor_shape.unknown_rank else [axis.size for axis in info.tensor_shape.dim]
    return f"{name}: {tf.as_dtype(info.dtype).name} {shape}"


def lines(way: str, infos: Mapping[str, TensorInfo]) -> list[str]:
    return [f"  {way} {line(name, infos[name])}" for name in sorted(infos)]


def signatures(path: Path) -> list[str]:
    (graph,) = SavedModel.FromString((path / "saved_model.pb").read_bytes()).meta_graphs
    found = []
    for name in sorted(graph.signature_def.keys() - {"__saved_model_init_op"}):
        definition = graph.signature_def[name]
        found += [name, *lines("in ", definition.inputs), *lines("out", definition.outputs)]
    return found


def test_signatures_are_those_on_record(saved: Saved, saved_events: SavedEvents) -> None:
    found = ["", "RRN", *signatures(saved.path), "", "Collaborative RNN", *signatures(saved_events.path), ""]
    assert HEAD + "\n".join(found) == GOLDEN.read_text()
