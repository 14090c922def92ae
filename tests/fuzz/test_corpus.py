"""The corpus of the fuzzed targets, with what was found, is replayed without atheris."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS, target

CORPUS = Path(__file__).parent / "corpus"
REQUESTS = ("rating_requests", "event_requests")  # in tests/serving/test_fuzzed_requests.py, where there are models


@pytest.mark.parametrize("name", [name for name in TARGETS if name not in REQUESTS])
def test_each_input_has_a_result_or_an_error_of_one_line(name: str) -> None:
    inputs = sorted((CORPUS / name).iterdir())
    assert inputs
    for file in inputs:
        target(name)(file.read_bytes())
