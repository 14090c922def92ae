"""The corpus of the fuzzed targets that ask saved models is replayed without atheris, and a few inputs drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.fuzz.requests import ask_events, ask_ratings
from tests.fuzz.test_corpus import CORPUS
from tests.serving.conftest import Saved, SavedEvents

DRAWN = pytest.mark.parametrize("drawn", [20, pytest.param(600, marks=pytest.mark.slow)])


def replay(ask: Callable[[Path, bytes], None], path: Path, corpus: str, drawn: int) -> None:
    """Asks what the corpus holds, and as many inputs of random bytes."""
    inputs = [file.read_bytes() for file in sorted((CORPUS / corpus).iterdir())]
    assert inputs
    rng = np.random.default_rng(0)
    inputs += [bytes([n % 4]) + rng.bytes(int(rng.integers(1, 150))) for n in range(drawn)]
    for data in inputs:
        ask(path, data)


@DRAWN
def test_any_request_of_ratings_has_a_true_answer_or_an_error(saved_default: Saved, drawn: int) -> None:
    replay(ask_ratings, saved_default.path, "rating_requests", drawn)


@DRAWN
def test_any_request_of_events_has_a_true_answer_or_an_error(saved_mixture: SavedEvents, drawn: int) -> None:
    replay(ask_events, saved_mixture.path, "event_requests", drawn)
