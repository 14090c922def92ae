"""Updates as a pipeline: wiring, and spans that follow one another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from components.ratings_example_gen.executor import DATA_CONFIG, settings
from pipeline import local_run, run_update
from pipeline.good_statistics import last_good_statistics
from pipeline.progress import ComponentTimer
from pipeline.setting import PipelineSetting
from pipeline.update_pipeline import create_update_pipeline
from rrn_tf.cli.pipeline_options import UpdateOptions
from rrn_tf.config import config_from_dict
from rrn_tf.data.items import items_of, keep_items, titles
from rrn_tf.data.later_events import NamedEvents
from rrn_tf.data.synthetic import SyntheticConfig, generate
from rrn_tf.features import Split
from rrn_tf.serving.export import export_saved_model
from rrn_tf.serving.export_events import export_event_model
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.update import NewRatings, update
from rrn_tf.serving.update_events import update_events
from rrn_tf.training import truncated_bptt
from rrn_tf.training.alternating import train
from tests.events import rhythmic_events, small_mixture
from tests.prepared import write_synthetic

ROOT = Path(__file__).parents[2]
LATER = [split for split in Split if split is not Split.TRAIN]


def producers(node: Any) -> dict[str, str]:
    return {name: channel.producer_component_id for name, channel in node.inputs.items()}


def test_wiring() -> None:
    pipeline = create_update_pipeline(
        PipelineSetting(
            name="test",
            root="/nowhere/artifacts",
            data_base="/nowhere/spans",
            data_pattern="{SPAN}/*.csv",
            schema_file="ratings.pbtxt",
            serving_model_dir="/nowhere/serving",
        ),
        base_model="/nowhere/serving/7",
        max_increase=0.02,
        span=3,
        max_bad_share=0.25,
    )
    nodes = {component.id: component for component in pipeline.components}
    assert {name: producers(node) for name, node in nodes.items()} == {
        "RatingsExampleGen": {},
        "StatisticsGen": {"examples": "RatingsExampleGen"},
        "ImportSchemaGen": {},
        "ExampleValidator": {
            "statistics": "StatisticsGen",
            "schema": "ImportSchemaGen",
            "examples": "RatingsExampleGen",
            "base_model": "base_model",
        },
        "base_model": {},
        "StateUpdater": {"examples": "RatingsExampleGen", "base_model": "base_model"},
        "UpdateEvaluator": {"update": "StateUpdater"},
        "Pusher": {"model": "StateUpdater", "model_blessing": "UpdateEvaluator"},
    }
    assert json.loads(nodes["RatingsExampleGen"].exec_properties["range_config"])["static_range"] == {
        "start_span_number": 3,
        "end_span_number": 3,
    }
    assert json.loads(settings(nodes["RatingsExampleGen"].exec_properties)[DATA_CONFIG])["max_bad_share"] == 0.25


def test_a_span_may_have_the_bad_rows_of_the_models_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr("pipeline.update_pipeline.create_update_pipeline", lambda setting, **given: asked.update(given))
    base = tmp_path / "run" / "model"
    base.mkdir(parents=True)
    (base / "saved_model.pb").touch()
    (base.parent / "config.yaml").write_text("data: {max_bad_share: 0.05}")
    run_update.wired(local_run.LocalRun(tmp_path, "log"), UpdateOptions(data=str(tmp_path / "{SPAN}.csv")), base)
    assert (asked["base_model"], asked["max_bad_share"]) == (str(base), 0.05)


def test_spans_lie_in_the_directory_above_the_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_update.split_pattern("data/spans/{SPAN}/*.csv") == (str(tmp_path / "data/spans"), "{SPAN}/*.csv")
    assert run_update.split_pattern("/data/span-{SPAN}.csv") == ("/data", "span-{SPAN}.csv")
    assert run_update.split_pattern("/data/ratings.csv") == ("/data", "ratings.csv")


def test_without_a_model_one_line_and_exit_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(local_run, "redirect_log", lambda *_: None)
    assert run_update.main(["--output", str(tmp_path), "--data", str(tmp_path / "{SPAN}.csv")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path / 'serving_model'}: expected a SavedModel")
    assert error.count("\n") == 1


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., dict[str, Any]]]:
    """Runs in this process, whose log stays as it is."""
    from absl import logging

    timers = []

    def listen(_: Path, timer: ComponentTimer) -> None:
        logging.set_verbosity(logging.INFO)
        logging.get_absl_logger().addHandler(timer)
        timers.append(timer)

    def run(output: Path, *arguments: str) -> dict[str, Any]:
        assert run_update.main(["--output", str(output), *arguments]) == 0
        return json.loads((output / "update.json").read_text())

    monkeypatch.setattr(local_run, "redirect_log", listen)
    before = logging.get_verbosity()
    yield run
    logging.set_verbosity(before)
    for timer in timers:
        logging.get_absl_logger().removeHandler(timer)


@pytest.mark.slow
def test_spans_follow_one_another_and_nothing_new_is_not_pushed(
    run: Callable[..., dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = generate(SyntheticConfig(users=50, items=30, ratings=700, days=90, seed=5))
    sizes = {"units": 6, "embedding": 5, "dynamic": 3, "stationary": 2}
    config = config_from_dict({"model": sizes, "training": {"epochs": 1, "rows_per_batch": 128}})
    result = train(write_synthetic(made, tmp_path / "data"), tmp_path / "work", config)
    base = tmp_path / "base"
    export_saved_model(result.snapshot(), base)
    queries = result.sequences.queries(LATER)
    later = NewRatings(**queries, rating=result.sequences.user.rating[result.sequences.rating_indices(LATER)])
    frame = pd.DataFrame(later._asdict()).sort_values("timestamp", kind="stable")
    half = len(frame) // 2
    for span, part in ((1, frame[:half]), (2, frame[half - 10 :])):  # the second repeats some of the first
        (tmp_path / "spans" / str(span)).mkdir(parents=True)
        part.to_csv(tmp_path / "spans" / str(span) / "ratings.csv", index=False)
    arguments = ["--data", f"{tmp_path}/spans/{{SPAN}}/*.csv", "--base", str(base), "--max-increase", "9"]

    first = run(tmp_path / "run", *arguments, "--span", "1")
    assert (first["span"], first["ratings"], first["blessed"], first["base_model"]) == (1, half, True, str(base))
    second = run(tmp_path / "run", *arguments)
    assert (second["span"], second["ratings"], second["duplicates"]) == (2, len(frame) - half, 10)
    assert second["base_model"] == first["model"]
    expected, _ = update(SavedRRN(base), later)
    export_saved_model(expected, tmp_path / "whole")
    asked = (later.user_id, later.item_id, later.timestamp + 86_400)
    found = SavedRRN(second["model"]).predict(*asked)
    np.testing.assert_allclose(found, SavedRRN(tmp_path / "whole").predict(*asked), rtol=1e-4, atol=1e-5)

    third = run(tmp_path / "run", *arguments)
    assert (third["ratings"], third["blessed"], third["model"]) == (0, False, None)
    assert {of["name"] for of in third["components"] if of["cached"]} >= {"RatingsExampleGen", "StatisticsGen"}
    fourth = run(tmp_path / "run", *arguments)
    cached = {of["name"]: of["cached"] for of in fourth["components"]}
    assert cached["StateUpdater"]
    assert cached["UpdateEvaluator"]
    assert fourth["anomalies"] == {}

    # A fault stops the run in one line that names all of it; the next span is compared with the last good one.
    faulty = frame.assign(item_id="other" + frame["item_id"], rating=frame["rating"] * 20)
    faulty.loc[faulty.index[0], "timestamp"] = 32_503_680_000  # the year 3000
    for span, part in ((3, faulty), (4, frame.assign(timestamp=frame["timestamp"] + 3_600))):
        (tmp_path / "spans" / str(span)).mkdir()
        part.to_csv(tmp_path / "spans" / str(span) / "ratings.csv", index=False)
    capsys.readouterr()
    stop = ["--output", str(tmp_path / "run"), *arguments, "--anomalies", "stop", "--span"]
    assert run_update.main([*stop, "3"]) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: ExampleValidator: item_id: ")
    assert "100.0% of the rows have a value that the model does not know, above the threshold 50.0%" in line
    assert "; rating: " in line
    assert "; timestamp: " in line
    assert "large value: 32503680000" in line
    records = tmp_path / "run" / local_run.METADATA_FILE
    assert last_good_statistics(records, "rrn_update") == last_good_statistics(records, "rrn_update", 2)
    fifth = run(tmp_path / "run", *arguments, "--anomalies", "stop", "--span", "4")
    assert (fifth["ratings"], fifth["blessed"], fifth["anomalies"]) == (len(frame), True, {})
    assert last_good_statistics(records, "rrn_update") == last_good_statistics(records, "rrn_update", 4)


@pytest.mark.slow
def test_tfx_takes_the_runner(tmp_path: Path) -> None:
    (tmp_path / "out" / "serving_model" / "1").mkdir(parents=True)
    (tmp_path / "out" / "serving_model" / "1" / "saved_model.pb").touch()
    environment = {**os.environ, "HOME": str(tmp_path), "RRN_OUTPUT": str(tmp_path / "out")}
    tfx = [str(Path(sys.executable).with_name("tfx")), "pipeline"]
    arguments = ["create", "--engine", "local", "--pipeline_path", str(ROOT / "local_update_runner.py")]
    done = subprocess.run(
        [*tfx, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'Pipeline "rrn_update" created successfully.' in done.stdout


@pytest.mark.slow
def test_spans_of_events_follow_one_another(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    result = truncated_bptt.train(rhythmic_events(), tmp_path / "work", small_mixture(1))
    export_event_model(result, tmp_path / "base")
    keep_items(pd.DataFrame({"item_id": ["1"], "title": ["One"]}), tmp_path / "base")
    sequences = result.sequences
    at = np.flatnonzero(sequences.split != Split.TRAIN)
    at = at[np.argsort(sequences.timestamp[at], kind="stable")]
    later = NamedEvents(
        sequences.user_ids[sequences.user[at] - 1], sequences.item_ids[sequences.item[at] - 1], sequences.timestamp[at]
    )
    frame = pd.DataFrame(later._asdict())
    for span, part in ((1, frame[:24]), (2, frame[20:])):  # the second repeats some of the first
        (tmp_path / "spans" / str(span)).mkdir(parents=True)
        part.to_csv(tmp_path / "spans" / str(span) / "events.csv", index=False)
    arguments = ["--model", "crnn", "--data", f"{tmp_path}/spans/{{SPAN}}/*.csv", "--base", str(tmp_path / "base")]
    arguments += ["--max-increase", "9"]
    first = run(tmp_path / "run", *arguments, "--span", "1")
    assert (first["events"], first["blessed"]) == (24, True)
    second = run(tmp_path / "run", *arguments)
    assert (second["events"], second["duplicates"], second["blessed"]) == (24, 4, True)
    assert titles(items_of(tmp_path / "run")) == titles(items_of(second["model"])) == {"1": "One"}
    whole, _ = update_events(SavedCollaborativeRNN(tmp_path / "base"), later)
    np.testing.assert_allclose(SavedCollaborativeRNN(second["model"]).states, whole.states, atol=1e-6)
    assert SavedCollaborativeRNN(second["model"]).training_events().equals(whole.sequences)
