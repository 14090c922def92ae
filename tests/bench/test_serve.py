"""The benchmark of serving, and what it measures with."""

from __future__ import annotations

import itertools
import json
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner, Result

from rrn_tf.bench.latency import latencies, requests_per_second
from rrn_tf.bench.load import Load, netflix_like
from rrn_tf.bench.serve import LIMITS
from rrn_tf.bench.serve_requests import Requests
from rrn_tf.bench.untrained import export_untrained
from rrn_tf.cli.main import main
from rrn_tf.config import load_config
from rrn_tf.features import Side
from rrn_tf.serving.saved_rrn import SavedRRN

pytestmark = pytest.mark.slow

SMALL = ("model.ensemble=2", "model.units=4", "model.embedding=4", "model.dynamic=3")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("untrained")
    load = Load(netflix_like(2_000, 100, 50, seed=2))
    export_untrained(load, load_config("rrn-plus", SMALL), path)
    return path


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["bench", "serve", *map(str, arguments)])


@pytest.mark.slow
def test_figures_of_a_small_model(model: Path, tmp_path: Path) -> None:
    options = ("--requests", 5, "--pairs", 3_000, "--seconds", 0.2, "--seed", 2)
    result = bench("--model", model, *options, "--json", tmp_path / "figures.json")
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["predict_p50_ms"] == figures["in_process"]["predict"]["1"]["p50_ms"] > 0
    assert figures["recommend_p50_ms"] == figures["in_process"]["recommend"]["p50_ms"] > 0
    assert figures["grpc_predict_p50_ms"] == figures["grpc"]["predict"]["1"]["p50_ms"] > 0
    assert figures["pairs_per_second"] == pytest.approx(3_000 / figures["bulk"]["one_time"]["seconds"])
    assert figures["limits"].keys() == LIMITS.keys() <= figures.keys()
    assert figures["grpc"]["server"] == "test double"
    assert result.output.count("test double") == 8
    for way in ("in_process", "grpc"):
        assert figures[way]["predict"].keys() == {"1", "64", "1024"}
        recommends = (figures[way]["recommend"], figures[way]["recommend_known"])
        for measured in (*figures[way]["predict"].values(), *recommends):
            assert measured["p50_ms"] <= measured["p95_ms"] <= measured["p99_ms"]
            assert measured["requests"] == 5
    assert figures["grpc"]["predict_per_second"] > figures["grpc"]["recommend_per_second"] * 0.1 > 0
    assert (figures["model"]["users"], figures["model"]["items"]) == (100, 50)
    assert figures["memory"]["server_peak_bytes"] > 2**26
    assert figures["peak_memory_bytes"] > 2**26
    assert {"rrn_tf", "tensorflow", "grpcio"} <= figures["versions"].keys()
    assert figures["seed"] == 2
    for name, limit in LIMITS.items():
        (line,) = (line for line in result.output.splitlines() if line.startswith(f"limit    {name} "))
        met = figures[name] >= limit if name.endswith("per_second") else figures[name] <= limit
        assert line.endswith("met" if met else "missed")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--server", "localhost:1"], 2, "--server needs --model"),
        (["--model", "nowhere"], 1, "nowhere: expected a SavedModel"),
        (["--requests", 0], 2, "0 is not in the range"),
        (["--set", "model.units=none"], 2, "model.units: "),
    ],
)
def test_bad_settings_end_in_one_line(arguments: list[object], code: int, said: str) -> None:
    result = bench(*arguments)
    assert result.exit_code == code
    assert said in result.output.splitlines()[-1]


def test_an_untrained_model_is_a_model_of_its_load(model: Path) -> None:
    saved = SavedRRN(model)
    users, items = saved.ids(Side.USER), saved.ids(Side.ITEM)
    assert (len(users), len(items)) == (100, 50)
    rating = saved.predict(users, items[np.arange(100) % 50], np.full(100, saved.cutoff))
    assert np.ptp(rating) > 0
    assert abs(rating.mean() - saved.metadata.rating_mean) < 0.5


def test_requests_are_of_known_entities_and_never_at_one_time(model: Path) -> None:
    saved = SavedRRN(model)
    asked, same = Requests(saved, seed=4), Requests(saved, seed=4)
    step = saved.metadata.granularity(Side.ITEM)
    assert len({(asked.user(n)[1] - saved.cutoff) // step for n in range(20)}) == 20
    assert len({(asked.user_at_one_step(n)[1] - saved.cutoff) // step for n in range(20)}) == 1
    pairs, times = asked.pairs(3), set()
    for number, (users, items, timestamp) in enumerate(map(pairs, range(50))):
        assert saved.known(Side.USER, users).all()
        assert saved.known(Side.ITEM, items).all()
        assert (timestamp >= saved.cutoff + 60 * number).all()
        times |= set(timestamp.tolist())
    assert len(times) == 150
    for mine, theirs in zip(asked.many(9, one_time=True), (same.pairs(3), same.many(9, one_time=True))[1], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_latencies_are_those_of_the_requests_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    now = 0.0
    monkeypatch.setattr("rrn_tf.bench.latency.time", SimpleNamespace(perf_counter=lambda: now))

    def ask(number: int) -> None:
        nonlocal now
        asked.append(number)
        # The requests that warm up are not counted; of the others one in four is slow.
        now += 0.05 if number < 10 else 0.02 if number % 4 == 0 else 0.001

    found = latencies(ask, 20)
    assert asked == list(range(30))
    assert [found[f"p{percent}_ms"] for percent in (50, 95, 99)] == pytest.approx([1, 20, 20])
    assert found["requests"] == 20


def test_clients_ask_at_the_same_time() -> None:
    answered, together = itertools.count(), threading.Barrier(8)

    def ask(number: int) -> None:
        if number == 0:
            together.wait(timeout=60)
        next(answered)

    rate = requests_per_second([ask] * 8, seconds=0.1)
    count = next(answered)
    assert count >= 8
    assert 0 < rate <= count / 0.1
