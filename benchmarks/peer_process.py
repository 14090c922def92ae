"""Does one row of `benchmarks.peers_speed` in a process of its own, and prints its figures as JSON.

    python -m benchmarks.peer_process train lightgbm FOLDER
    python -m benchmarks.peer_process rank faiss-exact FOLDER

FOLDER has ``split.npz`` (see `benchmarks.peer_models`), ``train.csv`` and ``valid.csv`` for ours, and for ranks
``users.npy`` and ``items.npy`` of `rrn export-states`. Peers need NumPy and their own library alone.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peer_models import MODELS, RATING, TEST, TRAIN, USER, VALID, Split
from benchmarks.peer_rankers import RANKERS, numpy_exact
from rrn_tf.bench.latency import latencies, requests_per_second
from rrn_tf.environment import peak_memory_bytes
from rrn_tf.version import __version__

OURS = "rrn"  # the prefix of our rows: rrn:PRESET:EPOCHS, or rrn:PRESET of a model that was trained
# The module and the distribution of each row.
LIBRARIES = {
    "bayesian-fm": ("myfm", "myfm"),
    "lightgbm": ("lightgbm", "lightgbm"),
    "implicit-als": ("implicit.als", "implicit"),
    "surprise-svdpp": ("surprise", "scikit-surprise"),
    "tfrs-two-tower": ("tensorflow_recommenders", "tensorflow-recommenders"),
    "numpy": ("numpy", "numpy"),
    "faiss-exact": ("faiss", "faiss-cpu"),
    "implicit": ("implicit.als", "implicit"),
    "tfrs-brute-force": ("tensorflow_recommenders", "tensorflow-recommenders"),
}
TOP = 10
_CHECKED = 50  # users whose lists are compared with NumPy's


def model_folder(name: str) -> str:
    """The folder of our run within FOLDER."""
    return name.replace(":", "-")


def train(name: str, folder: Path, seed: int) -> dict[str, Any]:
    """Trains one model. Seconds are those from the split, in memory or as CSV for ours, to predictions of it."""
    with np.load(folder / "split.npz") as parts:
        split = {part: parts[part] for part in (TRAIN, VALID, TEST)}
    model = _ours(name, folder) if name.startswith(f"{OURS}:") else MODELS[name]
    wall, processor = time.perf_counter(), time.process_time()
    _, predicted = model(split, seed)
    seconds = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - processor}
    known = np.concatenate([split[TRAIN][:, RATING], split[VALID][:, RATING]])
    errors = np.clip(predicted, known.min(), known.max()) - split[TEST][:, RATING]
    return {**seconds, "rmse": float(np.sqrt(np.mean(errors**2)))}


def rank(name: str, folder: Path, requests: int, at: int) -> dict[str, Any]:
    """Times requests of one user's best items, one at a time, then as many as one client gets answered in a second."""
    users, items = (np.load(folder / f"{side}.npy").astype(np.float32) for side in ("users", "items"))
    order = np.random.default_rng(0).permutation(len(users))
    exact = numpy_exact(users, items, TOP)
    if name.startswith(f"{OURS}:"):
        ask, exact = _our_ranks(name, folder, at, users, items)
    else:
        ask = RANKERS[name](users, items, TOP)
    same = [len(np.intersect1d(ask(user), exact(user))) / TOP for user in order[:_CHECKED].tolist()]
    figures = latencies(lambda number: ask(int(order[number % len(order)])), requests)
    a_second = requests_per_second([lambda number: ask(int(order[number % len(order)]))], 2.0)
    return {**figures, "requests_per_second": a_second, "same": float(np.mean(same))}


def _ours(name: str, folder: Path) -> Callable[[Split, int], list[Any]]:
    from rrn_tf.config import load_config
    from rrn_tf.runs.training_run import train_run
    from rrn_tf.serving.saved_rrn import SavedRRN

    _, preset, epochs = name.split(":")
    settings = [] if epochs == "all" else [f"training.epochs={epochs}"]

    def fit(split: Split, seed: int) -> list[Any]:
        config = load_config(preset, [*settings, f"training.seed={seed}"])
        output = folder / model_folder(name)
        train_run(str(folder / "train.csv"), output, config, valid=str(folder / "valid.csv"))
        user, item, _, timestamp = split[TEST].astype(np.int64).T
        return [np.empty(0), SavedRRN(output).predict(user.astype(str), item.astype(str), timestamp)]

    return fit


def _our_ranks(name: str, folder: Path, at: int, users: Any, items: Any) -> tuple[Any, Any]:
    """`recommend` of the SavedModel, and NumPy's answer without the items that the user has rated."""
    from rrn_tf.serving.saved_rrn import SavedRRN

    saved = SavedRRN(folder / model_folder(name))
    user_ids, item_ids = ((folder / f"{side}.ids.txt").read_text().split() for side in ("users", "items"))
    position = {item: number for number, item in enumerate(item_ids)}
    with np.load(folder / "split.npz") as parts:
        seen = np.concatenate([parts[TRAIN], parts[VALID]])[:, : USER + 2].astype(int)

    def ask(user: int) -> np.ndarray:
        return np.array([position[item] for item, _ in saved.recommend(user_ids[user], at, TOP)])

    def exact(user: int) -> np.ndarray:
        scores = items @ users[user]
        rated = seen[seen[:, USER] == int(user_ids[user]), 1]
        scores[[position[str(item)] for item in rated]] = -np.inf
        return np.argsort(-scores)[:TOP]

    return ask, exact


def main() -> None:
    """Prints one line of JSON: the row's figures, or ``missing``, the distribution that is not installed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("train", "rank"))
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--at", type=int, default=0)
    asked = parser.parse_args()
    module, distribution = LIBRARIES.get(asked.name, ("rrn_tf.runs.training_run", "rrn_tf"))
    try:
        # Before anything is timed.
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        figures: dict[str, Any] = {"missing": distribution, "module": error.name}
    else:
        if asked.what == "train":
            figures = train(asked.name, asked.folder, asked.seed)
        else:
            figures = rank(asked.name, asked.folder, asked.requests, asked.at)
        version = __version__ if distribution == "rrn_tf" else metadata.version(distribution)
        figures |= {"peak_memory_bytes": peak_memory_bytes(), "library": f"{distribution} {version}"}
    print(json.dumps(figures), file=sys.stdout)


if __name__ == "__main__":
    main()
