"""Measures how fast a saved RRN responds: to single requests, to concurrent clients, and in bulk."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from rrn_tf.bench.grpc_client import connected, predict_request
from rrn_tf.bench.latency import latencies, requests_per_second
from rrn_tf.bench.load import Load
from rrn_tf.bench.serve_requests import Pairs, Requests
from rrn_tf.bench.server import MODEL, running_double
from rrn_tf.bench.untrained import export_untrained
from rrn_tf.config import Config
from rrn_tf.environment import environment
from rrn_tf.features import ITEM_ID, TIMESTAMP, USER_ID, Side
from rrn_tf.serving.saved_files import find_saved_model
from rrn_tf.serving.saved_rrn import SavedRRN

BATCHES = (1, 64, 1024)
K = 10
CLIENTS = 8
# Goals on two otherwise idle cores.
LIMITS = {
    "predict_p50_ms": 1.0,
    "recommend_p50_ms": 10.0,
    "grpc_predict_p50_ms": 3.0,
    "grpc_recommend_p50_ms": 10.0,
    "grpc_recommend_known_p50_ms": 3.0,
    "grpc_recommend_known_per_second": 300.0,
    "pairs_per_second": 500_000.0,
}

Echo = Callable[[str], None]


def bench_serve(
    load: Load,
    config: Config,
    echo: Echo,
    *,
    model: str | None = None,
    server: str | None = None,
    requests: int = 200,
    pairs: int = 1_000_000,
    seconds: float = 5.0,
) -> dict[str, Any]:
    """Measures a saved model in this process and over gRPC.

    Every request has a later timestamp than the one before it; every `recommend` is one time step of the item side
    later, so that the states of all items are extrapolated anew, or, "known", all are of one step, of which the model
    keeps these states. Over gRPC nothing is compiled. A request's time includes building its tensors and reading the
    response.

    Args:
      load: data of a model with random weights; its seed also draws users and items of the requests.
      config: sizes of that network.
      echo: prints a line.
      model: path of a saved model to measure instead.
      server: ``host:port`` of a TensorFlow Serving that has `model` under the name ``rrn``; by default the test double
        is started in a separate process.
      requests: number of timed requests of each kind.
      pairs: number of pairs that are scored in bulk.
      seconds: duration of the measurement with concurrent clients.

    Returns:
      `predict_p50_ms` (one pair), `recommend_p50_ms`, `pairs_per_second` (at one time), `grpc_predict_p50_ms`,
      `grpc_recommend_p50_ms`, `grpc_recommend_known_p50_ms` and `grpc_recommend_known_per_second`; `limits` of these;
      all other measurements, `in_process`, `grpc` and `bulk`; `model`, `memory`, and the
      environment, with the peak memory of this process while it serves.

    Raises:
      ModelNotFoundError: if there is no model at `model`.
    """
    seed = load.ratings.seed
    with tempfile.TemporaryDirectory(prefix="rrn-bench-") as folder:
        path = find_saved_model(model) if model else _made(load, config, Path(folder, "model"), echo)
        before = environment(seed)["peak_memory_bytes"]
        saved = SavedRRN(path)
        asked = Requests(saved, seed)
        about = {
            "users": len(saved.ids(Side.USER)),
            "items": len(saved.ids(Side.ITEM)),
            "parameters": saved.num_parameters,
            "bytes": sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
        }
        echo(
            f"model    {about['users']:,} users, {about['items']:,} items, {about['parameters']:,} parameters, "
            f"{about['bytes'] / 1e6:,.0f} MB"
        )
        in_process = _in_process(saved, asked, requests, echo)
        bulk = _bulk(saved, asked, pairs, echo)
        figures = environment(seed, packages=("tensorflow", "numpy", "grpcio"))
        grpc_figures, server_peak = _over_grpc(path, server, asked, requests, seconds, echo)
    memory = {"before_bytes": before, "server_peak_bytes": server_peak}
    of_server = "" if server_peak is None else f", {server_peak / 1e9:.2f} GB in the server's"
    echo(f"memory   {figures['peak_memory_bytes'] / 1e9:.2f} GB at the peak in this process{of_server}")
    found = {
        "predict_p50_ms": in_process["predict"]["1"]["p50_ms"],
        "recommend_p50_ms": in_process["recommend"]["p50_ms"],
        "grpc_predict_p50_ms": grpc_figures["predict"]["1"]["p50_ms"],
        "grpc_recommend_p50_ms": grpc_figures["recommend"]["p50_ms"],
        "grpc_recommend_known_p50_ms": grpc_figures["recommend_known"]["p50_ms"],
        "grpc_recommend_known_per_second": grpc_figures["recommend_known_per_second"],
        "pairs_per_second": bulk["one_time"]["pairs_per_second"],
    }
    for name, limit in LIMITS.items():
        met = found[name] >= limit if name.endswith("_per_second") else found[name] <= limit
        echo(f"limit    {name} {found[name]:,.4g}, aimed at {limit:,g}: {'met' if met else 'missed'}")
    return {
        **found,
        "limits": LIMITS,
        "in_process": in_process,
        "grpc": grpc_figures,
        "bulk": bulk,
        "model": about,
        "memory": memory,
        **figures,
    }


def _made(load: Load, config: Config, path: Path, echo: Echo) -> Path:
    begin = time.perf_counter()
    # In a separate process, so that peak memory is that of serving.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
        apart.submit(export_untrained, load, config, path).result()
    echo(f"load     {load}")
    echo(f"         random weights, saved in {time.perf_counter() - begin:.1f} s, not timed")
    return path


def _in_process(saved: SavedRRN, asked: Requests, requests: int, echo: Echo) -> dict[str, Any]:
    predict = {}
    for batch in BATCHES:
        predict[str(batch)] = latencies(_asking(saved, asked.pairs(batch)), requests)
        echo(f"predict  {_line(predict[str(batch)])}  in process, {_rows(batch)}")
    found: dict[str, Any] = {"predict": predict}
    for name, asks, words in _recommends(asked):
        found[name] = latencies(_recommending(saved, asks), requests)
        echo(f"recommend {_line(found[name])} in process, k {K}, {words}")
    return found


def _bulk(saved: SavedRRN, asked: Requests, pairs: int, echo: Echo) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name, words in (("one_time", "as of one time"), ("own_times", "each as of its own time in 30 days")):
        columns = asked.many(pairs, one_time=name == "one_time")
        begin = time.perf_counter()
        saved.predict(*columns)
        took = time.perf_counter() - begin
        figures[name] = {"pairs": pairs, "seconds": took, "pairs_per_second": pairs / took}
        echo(f"bulk     {pairs / took:,.0f} pairs/s, {pairs:,} pairs {words}")
    return figures


def _over_grpc(
    path: Path, server: str | None, asked: Requests, requests: int, seconds: float, echo: Echo
) -> tuple[dict[str, Any], int | None]:
    """Measures requests over gRPC; also returns the test double's peak memory in bytes."""
    with running_double(path, server) as target, connected(target.address) as stub:

        def ask_pairs(batch: int) -> Callable[[int], Any]:
            asks = asked.pairs(batch)

            def ask(number: int) -> Any:
                inputs = dict(zip((USER_ID, ITEM_ID, TIMESTAMP), asks(number), strict=True))
                return stub.Predict(predict_request(MODEL, "predict", **inputs))

            return ask

        def ask_user(asks: Callable[[int], tuple[str, int]]) -> Callable[[int], Any]:
            def ask(number: int) -> Any:
                user, timestamp = asks(number)
                inputs = {USER_ID: [user], TIMESTAMP: np.array([timestamp]), "k": np.int32(K)}
                return stub.Predict(predict_request(MODEL, "recommend", **inputs))

            return ask

        figures: dict[str, Any] = {"server": target.name, "predict": {}}
        for batch in BATCHES:
            figures["predict"][str(batch)] = latencies(ask_pairs(batch), requests)
            echo(f"predict  {_line(figures['predict'][str(batch)])}  over gRPC ({target.name}), {_rows(batch)}")
        for name, asks, words in _recommends(asked):
            figures[name] = latencies(ask_user(asks), requests)
            echo(f"recommend {_line(figures[name])} over gRPC ({target.name}), k {K}, {words}")
        figures["clients"] = CLIENTS
        recommends = [(name, ask_user(asks), f"recommend, {words}") for name, asks, words in _recommends(asked)]
        for name, ask, words in (("predict", ask_pairs(1), "predict"), *recommends):
            rate = requests_per_second([ask] * CLIENTS, seconds)
            figures[f"{name}_per_second"] = rate
            echo(f"load     {rate:,.0f} requests/s of {words}, {CLIENTS} clients over gRPC ({target.name})")
    return figures, target.peak_memory_bytes


def _asking(saved: SavedRRN, pairs: Callable[[int], Pairs]) -> Callable[[int], Any]:
    return lambda number: saved.predict(*pairs(number))


def _recommends(asked: Requests) -> tuple[tuple[str, Callable[[int], tuple[str, int]], str], ...]:
    """Returns the name, the requests and the description of each kind of recommendation."""
    return (
        ("recommend", asked.user, "a new time step each"),
        ("recommend_known", asked.user_at_one_step, "all of one time step"),
    )


def _recommending(saved: SavedRRN, asks: Callable[[int], tuple[str, int]]) -> Callable[[int], Any]:
    return lambda number: saved.recommend(*asks(number), K)


def _line(figures: dict[str, float]) -> str:
    return "  ".join(f"{name} {figures[f'{name}_ms']:8.2f} ms" for name in ("p50", "p95", "p99"))


def _rows(batch: int) -> str:
    return "one pair" if batch == 1 else f"{batch:,} pairs"
