"""Subjects of reports: what is trained anew, and models that are not those of the run."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rrn_tf.checksums import CHECKSUMS_FILE, add_checksums
from rrn_tf.config import Config, load_config
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.evaluation.experiments.subjects import RatingSubject, ReportOptions
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.report import subjects_of_runs
from rrn_tf.report.run_files import find_run
from rrn_tf.report.subjects_of_runs import subject_of, train_anew
from rrn_tf.serving.saved_rrn import SavedRRN

pytestmark = pytest.mark.usefixtures("models_load_once")


def test_training_anew_is_the_training_of_the_run_but_for_the_settings(
    rating_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = find_run(rating_run)
    sequences, config = load_sequences(files.sequences), load_config(files.config, kind=Config)
    metrics = json.loads(files.metrics.read_text())
    own = {f"data.{side.value}_granularity": sequences.metadata.granularity(side) for side in SIDES}
    again = train_anew(sequences, config, own)
    assert again.rmse == pytest.approx({protocol: of["rmse"] for protocol, of in metrics["test"].items()}, rel=1e-5)
    assert again.seconds > 0
    asked = []

    def without_training(data: RatingSequences, folder: str, changed: Config, **_: Any) -> Any:
        asked.append((data.metadata, changed))
        return SimpleNamespace(metrics={"test": {"frozen": {"rmse": 1.0}}})

    monkeypatch.setattr("rrn_tf.report.subjects_of_runs.train", without_training)
    settings = {"data.user_granularity": "30d", "data.item_granularity": 86_400, "training.epochs": 3}
    assert train_anew(sequences, config, settings).rmse == {"frozen": 1.0}
    ((metadata, changed),) = asked
    assert (metadata.user_granularity, metadata.item_granularity) == (2_592_000, 86_400)
    assert (changed.data.item_granularity, changed.training.epochs) == ("86400s", 3)
    assert changed.model == config.model
    with pytest.raises(ValueError, match=r"model, training or granularity, found data.shards"):
        train_anew(sequences, config, {"data.shards": 3})


def test_other_granularities_keep_all_ratings(prepared_dir: Path) -> None:
    sequences = load_sequences(prepared_dir)
    same = sequences.with_granularities(*(sequences.metadata.granularity(side) for side in SIDES))
    longer = sequences.with_granularities(30 * 86_400, 60 * 86_400)
    for side in SIDES:
        for field in dataclasses.fields(sequences.side(side)):
            np.testing.assert_array_equal(
                getattr(same.side(side), field.name), getattr(sequences.side(side), field.name), err_msg=field.name
            )
        assert longer.side(side).num_rows < sequences.side(side).num_rows
        for name in ("timestamp", "split", "rating"):
            ours, theirs = (np.sort(getattr(of.side(side), name)) for of in (longer, sequences))
            np.testing.assert_array_equal(ours, theirs)
    assert (longer.metadata.user_granularity, longer.metadata.item_granularity) == (30 * 86_400, 60 * 86_400)


@pytest.mark.parametrize(("run", "load"), [("rating_run", "load_sequences"), ("event_run", "load_events")])
def test_nothing_is_compared_where_nothing_is_held_out(
    run: str, load: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = getattr(subjects_of_runs, load)
    held_out = [split for split in Split if split is not Split.TRAIN]
    monkeypatch.setattr(subjects_of_runs, load, lambda folder: loaded(folder).without(held_out))
    subject = subject_of(find_run(request.getfixturevalue(run)), ReportOptions())
    compared = subject.predictions if isinstance(subject, RatingSubject) else subject.scores
    assert compared == {}


def test_an_updated_model_is_refused(rating_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SavedRRN, "until", property(lambda saved: saved.cutoff + 1))
    with pytest.raises(ValueError, match="model: expected the model as it was trained, found one updated"):
        subject_of(find_run(rating_run), ReportOptions())


def test_a_model_of_other_events_is_refused(event_run: Path, tmp_path: Path) -> None:
    files = find_run(event_run)
    shutil.copytree(files.sequences, tmp_path / "sequences")
    vocabulary = tmp_path / "sequences" / Side.ITEM.vocabulary_file
    vocabulary.write_text("another\n" + vocabulary.read_text().split("\n", 1)[1])
    add_checksums(vocabulary.with_name(CHECKSUMS_FILE), vocabulary.parent, [vocabulary.name])
    changed = dataclasses.replace(files, sequences=tmp_path / "sequences")
    with pytest.raises(ValueError, match=r"model: expected the model as it was trained on .* of the run's data"):
        subject_of(changed, ReportOptions())
