"""The peers' split out, our predictions back, row by row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import benchmarks.movietweetings_peers as peers
import benchmarks.rating_split as rating_split
from rrn_tf.cli.main import main as rrn

NAME = "tiny"


def rows(count: int, begin: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    user, item = rng.integers(0, 12, count), rng.integers(0, 9, count)
    return np.stack([user, item, rng.integers(0, 11, count), begin + rng.permutation(count) * 9_000], axis=1).astype(
        float
    )


@pytest.fixture
def split(tmp_path: Path, rng: np.random.Generator) -> Path:
    (tmp_path / "splits").mkdir()
    path = tmp_path / "splits" / f"{NAME}.npz"
    np.savez(path, train=rows(200, 10**9, rng), valid=rows(21, 10**9 + 10**7, rng), test=rows(20, 10**9 + 10**7, rng))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(peers.main, [*map(str, arguments)])


def test_exported_files_hold_the_rows_in_their_order(split: Path, tmp_path: Path) -> None:
    assert run("export", split, tmp_path / "csv").exit_code == 0
    for part, expected in np.load(split).items():
        frame = pd.read_csv(tmp_path / "csv" / f"{part}.csv")
        assert frame.columns.tolist() == ["user_id", "item_id", "rating", "timestamp"]
        np.testing.assert_array_equal(frame.to_numpy(float), expected)


def test_a_file_that_is_no_split_is_refused_in_one_line(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", train=np.zeros((3, 4)), valid=np.zeros((3, 3)))
    result = run("export", tmp_path / "a.npz", tmp_path)
    assert result.exit_code == 1
    assert result.output.endswith("a.npz: valid should have shape [N, 4], found (3, 3)\n")


def test_predictions_are_clipped_and_in_the_peers_order(
    split: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Saved:
        """Predicts the item; streaming, ten times the rating."""

        cutoff = 10**9 + 10**7

        def __init__(self, path: str) -> None:
            assert path == "somewhere/best"

        def predict(self, user_id: Any, item_id: Any, timestamp: Any) -> npt.NDArray[np.float32]:
            return item_id.astype(np.float32)

    def streamed(saved: Saved, rating: Any, **queries: Any) -> npt.NDArray[np.float32]:
        return 10 * np.asarray(rating, np.float32)

    monkeypatch.setattr(peers, "SavedRRN", Saved)
    monkeypatch.setattr(rating_split, "predict_streaming", streamed)
    result = run("predict", split, "rrn=somewhere/best")
    assert result.exit_code == 0, result.output
    later = np.concatenate([np.load(split)["valid"], np.load(split)["test"]])
    np.testing.assert_array_equal(np.load(tmp_path / "preds" / f"{NAME}__rrn.npy"), later[:, 1])
    streaming = np.load(tmp_path / "preds" / f"{NAME}__[stream]_rrn.npy")
    np.testing.assert_array_equal(streaming, np.clip(10 * later[:, 2], 0, 10))
    frozen, stream = map(json.loads, (tmp_path / "results.jsonl").read_text().splitlines())
    assert (frozen["data"], frozen["model"], stream["model"]) == (NAME, "rrn", "[stream] rrn")
    assert stream["test"] == pytest.approx(np.sqrt(np.mean((streaming - later[:, 2])[21:] ** 2)))

    Saved.cutoff = 10**9
    assert (
        "expected a model of ratings up to 1001791000, found the cutoff 1000000000"
        in run("predict", split, "rrn=somewhere/best").output
    )


@pytest.mark.slow
def test_a_run_on_the_exported_files_gives_its_own_figures(split: Path, tmp_path: Path) -> None:
    run("export", split, tmp_path)
    files = ["--data", str(tmp_path / "train.csv"), "--valid", str(tmp_path / "valid.csv")]
    settings = ["--set=training.epochs=1", "--set=model.ensemble=2", "--set=data.split.drop_unseen=false"]
    trained = CliRunner().invoke(rrn, ["train", *files, "--output", str(tmp_path / "ours"), *settings])
    assert trained.exit_code == 0, trained.output
    assert run("predict", split, tmp_path / "ours").exit_code == 0
    frozen, _ = map(json.loads, (tmp_path / "results.jsonl").read_text().splitlines())
    metrics = json.loads((tmp_path / "ours" / "metrics.json").read_text())
    assert frozen["valid"] == pytest.approx(metrics["valid"]["frozen"]["rmse"], rel=1e-5)
    assert (frozen["wall_best"], metrics["ratings"]["train"]) == (metrics["seconds"]["train"], 200)
