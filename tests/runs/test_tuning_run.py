"""`rrn tune`: what it leaves behind, and that it goes on where it was stopped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from rrn_tf.beam import prepare
from rrn_tf.cli import tune
from rrn_tf.cli.main import main
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import Config, load_config
from rrn_tf.data.events import EventSequences
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.data.synthetic import SyntheticConfig, generate
from rrn_tf.features import Split
from rrn_tf.runs import tuning_run
from rrn_tf.runs.directory import ResumeError
from rrn_tf.training.listeners import Listener
from rrn_tf.tuning.space import SearchSpace
from rrn_tf.tuning.tuner import ORACLES
from rrn_tf.tuning.validation import Outcome, train_and_validate

SMALL = load_config(overrides=["data.shards=1", "training.epochs=2", "training.rows_per_batch=256", "model.units=4"])
SPACE = {"data.user_granularity": ["1d", "7d"], "model.units": [3, 4], "training.learning_rate": [1e-3, 1e-2]}


def test_options_are_those_of_the_library() -> None:
    from rrn_tf.evaluation.event_protocols import EVENT_PROTOCOLS
    from rrn_tf.evaluation.protocols import BOTH, PROTOCOLS

    assert tuple(ORACLES) == tune.SEARCHES
    assert (*PROTOCOLS, BOTH, *EVENT_PROTOCOLS) == tune.SELECTIONS


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    made = generate(SyntheticConfig(users=60, items=30, ratings=800, days=60, seed=4))
    return pd.DataFrame({name: getattr(made, name) for name in ("user_id", "item_id", "rating", "timestamp")})


@pytest.fixture(scope="module")
def ratings(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("data") / "ratings.csv"
    frame.to_csv(file, index=False)
    return str(file)


class Watching:
    """A stand-in for training that sees what it is given."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, dict[str, int]]] = []

    def __call__(
        self, sequences: RatingSequences, config: Config, checkpoints: Path, listeners: Sequence[Listener]
    ) -> Outcome:
        self.seen.append((sequences.metadata.user_granularity, sequences.metadata.ratings))
        assert not len(sequences.rating_indices([Split.TEST, Split.TEST_COLD]))
        return Outcome(config.model.units + config.training.learning_rate, 1, 2)


@pytest.mark.slow
def test_ratings_are_prepared_once_for_each_granularity(
    ratings: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[str] = []
    original = prepare.prepare_sequences

    def counted(pattern: str, output: str, *arguments: Any, **options: Any) -> Any:
        prepared.append(Path(output).parents[1].name)
        return original(pattern, output, *arguments, **options)

    monkeypatch.setattr(prepare, "prepare_sequences", counted)
    space = SearchSpace.from_dict(SPACE, SMALL)
    watching = Watching()
    tuning_run.tune_run(ratings, tmp_path, SMALL, space, max_trials=6, try_out=watching)
    trials = tuning_run.tune_run(ratings, tmp_path, SMALL, space, try_out=watching)
    assert len(trials) == len(watching.seen) == 8
    assert sorted(prepared) == ["1d-7d", "7d-7d"]
    assert {granularity for granularity, _ in watching.seen} == {86_400, 7 * 86_400}
    best = load_config(tmp_path / tuning_run.BEST_FILE)
    assert (best.model.units, best.training.learning_rate) == (3, 1e-3)
    assert best.training.epochs == SMALL.training.epochs


def test_another_search_wants_another_directory(tmp_path: Path) -> None:
    first = SearchSpace.from_dict({"model.units": [3]}, SMALL)
    file = tmp_path / tuning_run.SEARCH_FILE
    file.write_text(json.dumps({"data": "a.csv", "search": "random", "config": {}, "space": {}}))
    with pytest.raises(ResumeError, match=r"search's own data \"a.csv\", found \"b.csv\"; another search"):
        tuning_run.tune_run("b.csv", tmp_path, SMALL, first)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "model.units=0"], "model.units"),
        (["--protocol", "clean"], "training.selection: Input should be 'frozen', 'streaming' or 'both', found 'clean'"),
        (["--model", "crnn", "--protocol", "both"], "training.selection: Input should be 'clean' or 'interleaved'"),
        (["--space", "none.yaml"], "none.yaml: no such file"),
        (["--search", "best"], "'best' is not one of"),
    ],
)
def test_bad_options_are_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = rrn("tune", "--data", "synthetic", "--output", tmp_path / "x", *arguments)
    assert result.exit_code == 2
    assert said in result.output.splitlines()[-1]
    assert not (tmp_path / "x").exists()


def rrn(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def search(data: str, output: Path, *more: str) -> Result:
    space = output.with_suffix(".yaml")
    space.write_text(json.dumps(SPACE))
    settings = ("data.shards=1", "training.epochs=1", "training.rows_per_batch=256", "training.seed=3")
    options = [part for setting in settings for part in ("--set", setting)]
    return rrn("tune", "--data", data, "--output", output, "--space", space, "--protocol", "streaming", *options, *more)


def figures(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "trials.jsonl").read_text().splitlines()
    return [{name: value for name, value in json.loads(line).items() if name != "seconds"} for line in lines]


@pytest.mark.slow
def test_the_best_configuration_trains_and_test_ratings_play_no_part(
    ratings: str, frame: pd.DataFrame, tmp_path: Path
) -> None:
    result = search(ratings, tmp_path / "a", "--trials", "2", "--json", str(tmp_path / "a.json"))
    assert result.exit_code == 0, result.output
    whole = figures(tmp_path / "a")
    assert len(whole) == 2
    assert "streaming: 2 trials" in result.output
    best = min(whole, key=lambda trial: trial["valid_rmse"])
    assert json.loads((tmp_path / "a.json").read_text())["trials"][best["number"] - 1]["settings"] == best["settings"]

    command = result.output.splitlines()[-1].split()[1:-1]
    trained = rrn(*command, tmp_path / "run", "--json", tmp_path / "run.json")
    assert trained.exit_code == 0, trained.output
    config = load_config(tmp_path / "run" / "config.yaml")
    assert config == load_config(tmp_path / "a" / "best.yaml")
    assert config.training.selection == "streaming"

    # In pieces, and on data whose test ratings are all others: the same trials to the last bit.
    from rrn_tf.data.load_ratings import load_sequences

    sequences = load_sequences(tmp_path / "run" / "sequences")
    test = pd.DataFrame(sequences.queries([Split.TEST]))
    keys = ["user_id", "item_id", "timestamp"]
    is_test = frame[keys].astype(str).agg(" ".join, axis=1).isin(test[keys].astype(str).agg(" ".join, axis=1))
    assert 0 < is_test.sum() < 200
    other = frame.assign(rating=np.where(is_test, 5.5 - frame.rating, frame.rating))
    other.to_csv(tmp_path / "other.csv", index=False)
    assert search(str(tmp_path / "other.csv"), tmp_path / "b", "--minutes", "0").exit_code == 0
    assert len(figures(tmp_path / "b")) == 1
    assert search(str(tmp_path / "other.csv"), tmp_path / "b", "--trials", "2").exit_code == 0
    assert figures(tmp_path / "b") == whole


@pytest.mark.slow
def test_a_stopped_trial_goes_on_to_the_same_figure(ratings: str, tmp_path: Path) -> None:
    space = SearchSpace.from_dict(SPACE, SMALL)
    (whole,) = tuning_run.tune_run(ratings, tmp_path / "whole", SMALL, space, max_trials=1)

    class Stops(Listener):
        def on_batch(self, epoch: int, phase: str, done: int, of: int) -> None:
            if (epoch, phase) == (2, "user_phase"):
                raise KeyboardInterrupt

    def stopped(
        sequences: RatingSequences, config: Config, checkpoints: Path, listeners: Sequence[Listener]
    ) -> Outcome:
        return train_and_validate(sequences, config, checkpoints, [Stops()])

    with pytest.raises(KeyboardInterrupt):
        tuning_run.tune_run(ratings, tmp_path / "cut", SMALL, space, max_trials=1, try_out=stopped)
    assert list((tmp_path / "cut" / "running" / "1" / "progress").iterdir())
    (resumed,) = tuning_run.tune_run(ratings, tmp_path / "cut", SMALL, space, max_trials=1)
    assert (resumed.loss, resumed.settings) == (whole.loss, whole.settings)
    assert not (tmp_path / "cut" / "running").exists()


EVENTS = "synthetic-events:users=30,items=40,events=1500"
SMALL_EVENTS = ("data.min_item_events=2", "model.units=4", "training.epochs=2", "training.seed=3")
EVENT_SPACE = {"training.users_per_batch": [5, 10], "model.window": [4, 8]}


def search_events(output: Path, *more: str) -> Result:
    space = output.with_suffix(".yaml")
    space.write_text(json.dumps(EVENT_SPACE))
    options = [part for setting in SMALL_EVENTS for part in ("--set", setting)]
    return rrn("tune", "--model", "crnn", "--data", EVENTS, "--output", output, "--space", space, *options, *more)


def test_events_are_prepared_once_and_searched_by_their_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[EventSequences] = []

    def stand_in(
        sequences: EventSequences, config: CollaborativeConfig, checkpoints: Path, listeners: Sequence[Listener]
    ) -> Outcome:
        seen.append(sequences)
        return Outcome(config.model.window + config.training.users_per_batch / 10, 1, 2)

    monkeypatch.setattr(tuning_run, "tune_run", partial(tuning_run.tune_run, try_out=stand_in))
    result = search_events(tmp_path / "a", "--trials", "3")
    assert result.exit_code == 0, result.output
    assert "clean: 3 trials" in result.output
    assert "valid NLL" in result.output
    result = search_events(tmp_path / "a", "--json", str(tmp_path / "a.json"))
    assert result.exit_code == 0, result.output
    assert len(seen) == 4
    assert all(set(np.unique(sequences.split)) == {Split.TRAIN, Split.VALID} for sequences in seen)
    assert [folder.name for folder in (tmp_path / "a" / "prepared").iterdir()] == ["events"]
    told = json.loads((tmp_path / "a.json").read_text())
    assert min(trial["valid_nll"] for trial in told["trials"]) == 4.5
    best = load_config(tmp_path / "a" / "best.yaml", kind=CollaborativeConfig)
    assert (best.model.mixture, best.model.window, best.training.users_per_batch) == (True, 4, 5)
    assert best.training.epochs == 2
    last = result.output.splitlines()[-1]
    assert last.startswith(f"rrn train --model crnn --data {EVENTS} --config {tmp_path / 'a' / 'best.yaml'} --output ")


@pytest.mark.slow
def test_the_best_configuration_of_events_trains_to_the_same_figure(tmp_path: Path) -> None:
    assert search_events(tmp_path / "a", "--minutes", "0").exit_code == 0
    result = search_events(tmp_path / "a", "--trials", "2")
    assert result.exit_code == 0, result.output
    trials = figures(tmp_path / "a")
    assert len(trials) == 2
    command = result.output.splitlines()[-1].split()[1:-1]
    trained = rrn(*command, tmp_path / "run", "--json", tmp_path / "run.json")
    assert trained.exit_code == 0, trained.output
    found = json.loads((tmp_path / "run.json").read_text())["valid"]["clean"]["nll"]
    assert found == pytest.approx(min(trial["valid_nll"] for trial in trials), rel=1e-5)
