"""What is logged for TensorBoard, whether or not its package is installed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from rrn_tf.data.items import keep_items
from rrn_tf.runs.directory import RunPaths
from rrn_tf.runs.training_run import log_trained
from rrn_tf.training.listeners import EpochRecord, Listeners
from rrn_tf.training.tensorboard import (
    LABELS_FILE,
    PROJECTOR_FILE,
    VECTORS_FILE,
    TensorBoard,
    TrainedStates,
    write_trained,
)

IDS = np.array(["7", "8", "9\t1"], object)
STATES = TrainedStates(
    {"states/user": np.array([[0.0, 1.0], [2.0, 3.0]]), "nothing": np.empty((0, 2))},
    IDS,
    np.array([30, 20, 10]),
    np.array([[1.0, -0.5], [0.25, 1e-7], [3.0, 4.0]], np.float32),
)
FIGURES = {
    "test": {"frozen": {"rmse": 0.9, "n": 7, "ndcg_standard_error": None}, "streaming": {"rmse": 0.8}},
    "seconds": {"train": 3.0},
    "seed": 1,
}


@pytest.fixture(autouse=True)
def _no_tensorboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)  # TensorFlow 2.21 does not bring it


def logged(folder: Path) -> dict[str, list[Any]]:
    """Returns the pairs of step and value by tag, of all files of events in a folder."""
    found: dict[str, list[Any]] = {}
    for file in sorted(folder.glob("events.*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value))
    return found


def numbers(found: dict[str, list[Any]], tag: str) -> list[tuple[int, float]]:
    return [(step, float(tf.make_ndarray(value.tensor))) for step, value in found[tag]]


def test_figures_of_an_epoch_are_scalars(tmp_path: Path) -> None:
    listener = Listeners([TensorBoard(tmp_path)])
    listener.on_figures(3, {"validation/frozen/rmse": 0.875, "validation/streaming/mae": 0.5})
    listener.on_epoch(EpochRecord(3, 0.5, 0.25, 0.75, 1.0, 2.0, best=True))
    found = logged(tmp_path)
    of_record = {"user_rmse", "item_rmse", "valid_rmse", "user_seconds", "item_seconds", "valid_seconds"}
    assert set(found) == {"validation/frozen/rmse", "validation/streaming/mae"} | of_record
    assert numbers(found, "valid_rmse") == [(3, 0.75)]
    assert numbers(found, "validation/frozen/rmse") == [(3, 0.875)]
    plugins = {value.metadata.plugin_data.plugin_name for values in found.values() for _, value in values}
    assert plugins == {"scalars"}


def test_a_trained_models_figures_and_histograms(tmp_path: Path) -> None:
    write_trained(tmp_path, 4, FIGURES, STATES, {})
    found = logged(tmp_path)
    assert set(found) == {"test/frozen/rmse", "test/frozen/n", "test/streaming/rmse", "states/user"}
    assert numbers(found, "test/streaming/rmse") == [(4, pytest.approx(0.8))]
    ((step, histogram),) = found["states/user"]
    bins = tf.make_ndarray(histogram.tensor)  # left, right and count, as TensorBoard's plugin reads them
    assert (step, histogram.metadata.plugin_data.plugin_name) == (4, "histograms")
    assert (bins.shape, bins.dtype) == ((30, 3), np.float64)
    assert (bins[0, 0], bins[-1, 1], bins[:, 2].sum()) == (0, 3, 4)


def test_the_projector_has_vectors_and_ids(tmp_path: Path) -> None:
    write_trained(tmp_path, 4, {}, STATES, {})
    labels = (tmp_path / LABELS_FILE).read_text().splitlines()
    assert labels == ["item_id\ttraining", "7\t30", "8\t20", "9 1\t10"]
    vectors = np.loadtxt(tmp_path / VECTORS_FILE, delimiter="\t")
    np.testing.assert_allclose(vectors, STATES.vectors, rtol=1e-4)


def test_the_projector_has_titles_that_are_kept_with_the_model(tmp_path: Path) -> None:
    model, logs = tmp_path / "model", tmp_path / "logs"
    model.mkdir()
    (model / "saved_model.pb").touch()
    keep_items(pd.DataFrame({"item_id": ["7", "9\t1"], "title": ["Heat\n(1995)", "Se7en"]}), model)
    task: Any = SimpleNamespace(trained_states=lambda result, most: STATES)
    log_trained(task, SimpleNamespace(best_epoch=2), FIGURES, logs, model)
    labels = (logs / LABELS_FILE).read_text().splitlines()
    assert labels == ["title\titem_id\ttraining", "Heat (1995)\t7\t30", "8\t8\t20", "Se7en\t9 1\t10"]
    assert numbers(logged(logs), "test/frozen/rmse") == [(2, pytest.approx(0.9))]


def test_tensorboard_understands_the_projectors_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    projector = pytest.importorskip("tensorboard.plugins.projector.projector_config_pb2")
    from google.protobuf import text_format

    write_trained(tmp_path, 4, {}, STATES, {})
    config = text_format.Parse((tmp_path / PROJECTOR_FILE).read_text(), projector.ProjectorConfig())
    (embedding,) = config.embeddings
    assert (embedding.tensor_path, embedding.metadata_path) == (VECTORS_FILE, LABELS_FILE)
    assert (tmp_path / embedding.tensor_path).exists()


@pytest.mark.parametrize(
    ("run", "histograms"),
    [
        (
            "rating_run",
            {f"{kind}/{side}" for kind in ("states", "bayesian_factors") for side in ("user", "item")},
        ),
        ("event_run", {"states/user", "softmax/item"}),
    ],
)
def test_a_run_logs_both_protocols_states_and_items(
    run: str, histograms: set[str], request: pytest.FixtureRequest
) -> None:
    paths = RunPaths(request.getfixturevalue(run))
    found = logged(paths.logs)
    figure, protocols = ("nll", ("clean", "interleaved")) if run == "event_run" else ("rmse", ("frozen", "streaming"))
    for protocol in protocols:
        assert f"valid/{protocol}/{figure}" in found
        if run == "rating_run":
            assert numbers(found, f"validation/{protocol}/rmse")[0][0] == 1  # the first epoch's
    assert histograms <= {
        tag for tag, ((_, value), *_) in found.items() if value.metadata.plugin_data.plugin_name == "histograms"
    }
    labels = pd.read_csv(paths.logs / LABELS_FILE, sep="\t", dtype={"item_id": str})
    vectors = np.loadtxt(paths.logs / VECTORS_FILE, delimiter="\t", ndmin=2)
    assert len(labels) == len(vectors) > 5
    assert labels["training"].is_monotonic_decreasing
    assert np.isfinite(vectors).all()
    assert vectors.std(axis=0).max() > 0
