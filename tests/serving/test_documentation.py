"""The requests that docs/serving.md shows are ones that the signatures take."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tests.serving.conftest import Saved, SavedEvents, loaded

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
CURL = re.compile(r"curl -s localhost:\d+/v1/models/(\w+):predict -d '(.*?)'", re.DOTALL)
BODIES = CURL.findall(PAGE) + CURL.findall(README)


@pytest.mark.parametrize(("model", "body"), BODIES, ids=[json.loads(body)["signature_name"] for _, body in BODIES])
def test_a_rest_body_is_a_request(saved: Saved, saved_events: SavedEvents, model: str, body: str) -> None:
    request = json.loads(body)
    assert request.keys() == {"signature_name", "inputs"}
    path = {"rrn": saved.path, "crnn": saved_events.path}[model]
    signature = loaded(path).signatures[request["signature_name"]]
    specs: dict[str, Any] = signature.structured_input_signature[1]
    assert request["inputs"].keys() == specs.keys()
    tensors = {name: tf.constant(values, specs[name].dtype) for name, values in request["inputs"].items()}
    for name, tensor in tensors.items():
        assert specs[name].shape.is_compatible_with(tensor.shape), name
    assert all(len(values) == len(request["inputs"]["user_id"]) for values in signature(**tensors).values())


def test_every_kind_of_request_is_shown() -> None:
    shown = {(model, json.loads(body)["signature_name"]) for model, body in BODIES}
    assert {("rrn", "predict"), ("rrn", "recommend"), ("crnn", "next_items")} <= shown
