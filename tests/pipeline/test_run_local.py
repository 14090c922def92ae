"""The local run: errors in one line, and the whole pipeline end to end."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from absl import logging as absl_logging

from pipeline import local_run, run_local
from pipeline.described import described_items
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import load_config
from rrn_tf.data import synthetic
from rrn_tf.data.datasets import write_frame
from rrn_tf.data.items import items_of

ROOT = Path(__file__).parents[2]
SETTINGS = [
    "model.units=8",
    "model.embedding=8",
    "model.dynamic=4",
    "model.stationary=4",
    "model.ensemble=2",
    "training.epochs=2",
]


def test_missing_data_is_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_local.main(["--data", str(tmp_path / "none.csv"), "--output", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "none.csv" in error
    assert error.count("\n") == 1


def test_wrong_configuration_is_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_local.main(["--output", str(tmp_path), "--set", "model.cells=gru"]) == 2
    error = capsys.readouterr().err
    assert "model.cells" in error
    assert error.count("\n") == 1


def test_a_file_that_has_no_items_is_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data", "synthetic:users=5,items=5,ratings=10", "--output", str(tmp_path)]
    (tmp_path / "films.csv").write_text("film,title\n")
    assert run_local.main([*arguments, "--items", str(tmp_path / "films.csv")]) == 2
    error = capsys.readouterr().err
    assert "films.csv:1: --items: expected a line of names with item_id and title" in error
    assert error.count("\n") == 1


def test_the_stored_file_of_items_changes_its_name_with_its_content(tmp_path: Path) -> None:
    items, stored = tmp_path / "items.csv", []
    for title in ("One", "Two", "One"):
        items.write_text(f"item_id,title\n1,{title}\n")
        stored.append(described_items(str(items), None, tmp_path, print))
    assert stored[0] == stored[2] != stored[1]
    assert stored[1] == described_items(None, stored[1], tmp_path, print)
    assert described_items(None, None, tmp_path, print) is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "crnn", "--tune", "1", "--space", "none.yaml"], "none.yaml: no such file"),
        (["--tune", "1", "--space", "none.yaml"], "none.yaml: no such file"),
    ],
)
def test_a_search_that_cannot_be_is_one_line_and_exit_2(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_local.main(["--output", str(tmp_path), *arguments]) == 2
    assert capsys.readouterr().err == f"error: {said}\n"


def start(data: str, output: Path, *more: str) -> subprocess.CompletedProcess[str]:
    arguments = ["--data", data, "--output", str(output), *(part for s in SETTINGS for part in ("--set", s)), *more]
    return subprocess.run(
        [sys.executable, "-m", "pipeline.run_local", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def ratings(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = synthetic.generate(synthetic.SyntheticConfig(users=120, items=80, ratings=2_000, days=200, seed=3))
    frame = pd.DataFrame(
        {"user_id": made.user_id, "item_id": made.item_id, "rating": made.rating, "timestamp": made.timestamp}
    )
    return str(write_frame(frame, tmp_path_factory.mktemp("data") / "ratings.csv"))


def titled(ratings: str) -> Path:
    """A file of items, one of which is not among the ratings, beside them."""
    file = Path(ratings).with_name("titles.csv")
    file.write_text("item_id,title\ni1,One (2001)\nnone,Nobody's\n")
    return file


@pytest.fixture(scope="module")
def first_run(ratings: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    output = tmp_path_factory.mktemp("run")
    done = start(ratings, output, "--set", "training.replicas=2", "--items", str(titled(ratings)))
    assert done.returncode == 0, done.stderr[-3000:]
    return output, json.loads((output / "run.json").read_text()), done.stdout


def test_a_disk_that_is_full_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for logger in (logging.getLogger(), absl_logging.get_absl_logger()):
        monkeypatch.setattr(logger, "handlers", [])
    local = local_run.LocalRun(tmp_path, "run.log")
    (log,) = logging.getLogger().handlers
    assert isinstance(log, logging.StreamHandler)
    log.setStream(open("/dev/full", "w"))  # noqa: SIM115 - closed with the log

    def write() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert local.told(write) == 1
    said = capsys.readouterr().err
    assert re.match(
        r"error: pipeline: no space left on device: .* \(free now: .* MB in .*\) \(see .*run.log\)\n$", said
    )
    logging.captureWarnings(False)


def test_a_blessed_model_that_has_learnt_nothing_is_told() -> None:
    rows: list[dict[str, Any]] = [{"model": "RRN", "difference": None}, {"model": "global mean", "difference": -0.5}]
    lead = "warning: RRN is worse than 'global mean' by 0.5000, so it has learnt nothing of use from these data"
    assert run_local.doubts(rows, blessed=False) == [lead]
    (line,) = run_local.doubts(rows, blessed=True)
    assert line == f"{lead}; it is blessed and pushed all the same: --max-rmse or --max-nll sets a bound"
    rows[1]["difference"] = 0.5
    assert run_local.doubts(rows, blessed=True) == []


@pytest.mark.slow
def test_run_blesses_pushes_and_reports(first_run: tuple[Path, dict[str, Any], str]) -> None:
    output, run, told = first_run
    assert run["blessed"]
    assert run["warnings"] == run_local.doubts(run["leaderboard"]["rows"], blessed=True)
    assert run["anomalies"] == {}
    assert not any(component["cached"] for component in run["components"])
    for component in run["components"]:
        assert component["name"] in told
    assert Path(run["dead_letters"]).read_text() == ""
    assert run["seconds"] > sum(component["seconds"] for component in run["components"])
    assert Path(run["model"]).parent == output / "serving_model"
    beside = {path.name for path in Path(run["model"], "assets.extra").iterdir()}
    assert beside == {"tf_serving_warmup_requests", "model_card.md", "metadata.json", "items.parquet", "checksums.json"}
    items = items_of(output)
    assert items is not None
    expected = {
        "item_id": ["i1", "none"],
        "title": ["One (2001)", "Nobody's"],
        "year": pd.array([2001, None], "Int64"),
    }
    pd.testing.assert_frame_equal(items, pd.DataFrame(expected))
    assert re.search("1 of [0-9]+ items of the data are described; 1 described item is not in the data", told)
    assert list(Path(run["logs"]).rglob("events.out.tfevents*"))
    assert Path(run["logs"], "projector_config.pbtxt").exists()
    rows = {row["model"]: row for row in run["leaderboard"]["rows"]}
    assert set(rows) == {"RRN", "global mean", "user+item bias", "PMF raw", "PMF centred", "Bayesian factors"}
    assert len({row["n"] for row in rows.values()}) == 1
    assert 0.1 < rows["RRN"]["rmse"] < 1.2 * rows["global mean"]["rmse"]
    assert rows["RRN"]["standard_error"] > 0


@pytest.mark.slow
def test_evaluator_and_report_agree(first_run: tuple[Path, dict[str, Any], str]) -> None:
    import tensorflow_model_analysis as tfma

    _, run, _ = first_run
    (row,) = (row for row in run["leaderboard"]["rows"] if row["model"] == "RRN")
    result = tfma.load_eval_result(run["evaluation"])
    slices = {slice_: metrics[""][""] for slice_, metrics in result.slicing_metrics}
    assert slices[()]["root_mean_squared_error"]["doubleValue"] == pytest.approx(row["rmse"], rel=1e-5)
    assert slices[()]["example_count"]["doubleValue"] == row["n"]
    assert {slice_[0][0] for slice_ in slices if slice_} == {"user_activity", "month"}


@pytest.mark.slow
def test_pushed_model_answers(first_run: tuple[Path, dict[str, Any], str]) -> None:
    _, run, _ = first_run
    predict = tf.saved_model.load(run["model"]).signatures["predict"]
    times = tf.constant([0, 2_000_000_000], tf.int64)
    answer = predict(user_id=tf.constant(["u1", "nobody"]), item_id=tf.constant(["i1", "i1"]), timestamp=times)
    assert np.isfinite(answer["rating"].numpy()).all()


@pytest.mark.slow
def test_second_run_repeats_only_the_comparison(ratings: str, first_run: tuple[Path, dict[str, Any], str]) -> None:
    output, first, _ = first_run
    done = start(ratings, output, "--set", "training.replicas=2", "--items", str(titled(ratings)))
    assert done.returncode == 0, done.stderr[-3000:]
    second = json.loads((output / "run.json").read_text())
    uncached = {component["name"] for component in second["components"] if not component["cached"]}
    assert uncached == {"latest_blessed_model_resolver", "Evaluator", "Pusher"}
    assert second["blessed"]
    assert second["leaderboard"] == first["leaderboard"]


@pytest.mark.slow
def test_a_tuned_run_trains_with_what_was_found(ratings: str, tmp_path: Path) -> None:
    space = tmp_path / "space.yaml"
    # The trial with include_opposite_state inputs fails, since the inputs are ratings.
    space.write_text("model.units: [3]\nmodel.inputs: [ratings]\nmodel.include_opposite_state: [false, true]\n")
    few = ("--set", "training.epochs=1", "--tune", "10", "--space", str(space))
    done = start(ratings, tmp_path / "run", *few)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("trial ") == 2
    assert done.stdout.count("failed: include_opposite_state should go with") == 1
    assert done.stderr == ""
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    config = load_config(run["config"])
    assert config.model.units == run["tuned"]["model.units"] == 3
    assert not config.model.include_opposite_state
    assert config.training.epochs == 1
    # The pipeline's model is the one that the search found, and not that of its configuration.
    saved = tf.saved_model.load(run["model"])
    widths = {variable.shape[-1] for variable in saved.user.network}
    assert 4 * 3 in widths  # an LSTM's four gates
    assert 4 * 8 not in widths


@pytest.mark.slow
def test_too_many_bad_rows_fail_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("user_id,item_id,rating,timestamp\nu,i,4,1\nu,j,good,2\n")
    done = start(str(tmp_path / "bad.csv"), tmp_path / "run")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "RatingsExampleGen: 1 of 2 rows" in done.stderr
    assert "good" in (tmp_path / "run" / "dead_letters" / "dead_letters.jsonl").read_text()


@pytest.mark.slow
def test_tfx_command_creates_and_runs(ratings: str, tmp_path: Path) -> None:
    env = {
        **os.environ,
        "LOCAL_HOME": str(tmp_path / "home"),
        "RRN_DATA": ratings,
        "RRN_OUTPUT": str(tmp_path / "out"),
        "RRN_CONFIG": str(tmp_path / "config.yaml"),
    }
    (tmp_path / "config.yaml").write_text("model: {units: 4, embedding: 4, dynamic: 2}\ntraining: {epochs: 1}\n")
    tfx = [str(Path(sys.executable).with_name("tfx"))]
    create = [*tfx, "pipeline", "create", "--engine", "local", "--pipeline_path", str(ROOT / "local_runner.py")]
    run = [*tfx, "run", "create", "--engine", "local", "--pipeline_name", "rrn"]
    for command in (create, run):
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        assert (tmp_path / "out" / "run.json").exists() == (command is run)


@pytest.mark.slow
def test_events_end_in_a_pushed_collaborative_rnn(tmp_path: Path) -> None:
    settings = ["training.epochs=2", "model.units=6", "data.min_item_events=2", "data.min_user_entropy=0"]
    space = tmp_path / "space.yaml"
    space.write_text("training.users_per_batch: [7]\n")
    arguments = [
        "--model",
        "crnn",
        "--data",
        "synthetic-events:users=30,items=60,events=1800",
        "--output",
        str(tmp_path),
        "--tune",
        "10",
        "--space",
        str(space),
    ]
    arguments += [part for setting in settings for part in ("--set", setting)]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.run_local", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("trial ") == 1
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["blessed"]
    assert not record["anomalies"]
    config = load_config(record["config"], kind=CollaborativeConfig)
    assert config.training.users_per_batch == record["tuned"]["training.users_per_batch"] == 7
    names = {component["name"] for component in record["components"]}
    assert {"EventsExampleGen", "EventSequenceBuilder", "Trainer", "EventEvaluator", "Pusher"} <= names
    rows = {row["model"]: row for row in record["leaderboard"]["rows"]}
    assert rows["C-RNN"]["nll"] < rows["uniform"]["nll"]
    assert rows["C-RNN"]["n"] == record["events"]["test"]
    signature = tf.saved_model.load(record["model"]).signatures["next_items"]
    answer = signature(user_id=tf.constant(["nobody"]), history=tf.constant([[""]]), k=tf.constant(3))
    assert answer["item_id"].shape == (1, 3)
