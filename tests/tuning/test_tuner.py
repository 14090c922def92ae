"""The search itself: which trials are run, when it ends, and what a second call does. Training is a stand-in."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rrn_tf.config import Config, config_from_dict
from rrn_tf.training.listeners import Listener
from rrn_tf.training.phases import TrainingError
from rrn_tf.tuning.space import SearchSpace
from rrn_tf.tuning.trials import Trial
from rrn_tf.tuning.tuner import ORACLES, SettingTuner, TuningError
from rrn_tf.tuning.validation import Outcome

SPACE: dict[str, Any] = {
    "model.units": [2, 4, 8],
    "model.include_opposite_state": [False, True],
    "training.learning_rate": {"min": 1e-4, "max": 1e-2, "log": True},
}


class StandIn:
    """Has a best value within the space; remembers what it was asked."""

    def __init__(self, fails: Sequence[int] = (), endless: int = 0) -> None:
        self.asked: list[Config] = []
        self._fails, self._endless = fails, endless

    def __call__(self, sequences: Any, config: Config, checkpoints: Path, listeners: Sequence[Listener]) -> Outcome:
        self.asked.append(config)
        while len(self.asked) == self._endless:
            for listener in listeners:
                listener.on_batch(1, "user_phase", 1, 9)
        if len(self.asked) in self._fails:
            raise TrainingError("epoch 1: loss exploded")
        return Outcome(1 + abs(config.training.learning_rate - 3e-3) + config.model.units / 100, 3, 5)


def tuner(folder: Path, try_out: StandIn, seed: int = 0, space: dict[str, Any] = SPACE, **options: Any) -> SettingTuner:
    base = config_from_dict({"training": {"seed": seed}})
    found = SearchSpace.from_dict(space, base)
    return SettingTuner(found, base, lambda data: data, folder, try_out=try_out, **{"max_trials": 8, **options})  # type: ignore[arg-type,return-value]


def run(*arguments: Any, **options: Any) -> list[Trial]:
    """Finished trials, but for the clock."""
    searched = tuner(*arguments, **options)
    searched.search()
    return [dataclasses.replace(trial, seconds=0) for trial in searched.log.trials]


@pytest.mark.parametrize("search", ORACLES)
def test_the_same_seed_tries_the_same_in_the_same_order(search: str, tmp_path: Path) -> None:
    first = run(tmp_path / "a", StandIn(), search=search)
    assert len(first) == 8
    assert run(tmp_path / "b", StandIn(), search=search) == first
    other = run(tmp_path / "c", StandIn(), seed=1, search=search)
    assert ([trial.settings for trial in other] == [trial.settings for trial in first]) == (search == "grid")
    for trial in first:
        config = config_from_dict(trial.config)
        assert trial.settings["model.units"] == config.model.units
        assert trial.settings["model.include_opposite_state"] is config.model.include_opposite_state
        assert trial.settings["training.learning_rate"] == config.training.learning_rate


@pytest.mark.parametrize("search", ORACLES)
def test_what_was_run_is_not_run_again(search: str, tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", StandIn(fails=[2]), search=search, max_trials=11)
    begun = StandIn(fails=[2])
    run(tmp_path / "cut", begun, search=search, max_trials=9)
    rest = StandIn()
    assert run(tmp_path / "cut", rest, search=search, max_trials=11) == whole
    assert [config_from_dict(trial.config) for trial in whole] == begun.asked + rest.asked


def test_whatever_is_left_of_the_oracle_a_search_goes_on(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", StandIn())
    run(tmp_path / "cut", StandIn(), max_trials=3)
    (tmp_path / "cut" / "oracle" / "oracle.json").write_text('{"half a')
    with (tmp_path / "cut" / "trials.jsonl").open("a") as file:
        file.write(json.dumps(dataclasses.asdict(whole[3]))[:40])
    assert run(tmp_path / "cut", StandIn()) == whole


def test_the_search_ends_with_the_space(tmp_path: Path) -> None:
    small = {"model.units": [2, 4], "model.include_opposite_state": [False, True], "model.time_feature": ["delta"]}
    trials = run(tmp_path, StandIn(), space=small, search="grid", max_trials=100)
    assert len({tuple(trial.settings.values()) for trial in trials}) == len(trials) == 4


def test_without_time_one_trial_is_run_and_no_more(tmp_path: Path) -> None:
    first = StandIn()
    assert len(run(tmp_path, first, seconds=0)) == len(first.asked) == 1
    again = StandIn()
    assert len(run(tmp_path, again, seconds=0)) == 1
    assert not again.asked


def test_a_trial_is_stopped_when_the_time_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A clock that goes on by a second whenever it is asked.
    monkeypatch.setattr("rrn_tf.tuning.tuner.time", SimpleNamespace(monotonic=itertools.count().__next__))
    lines: list[str] = []
    stopped = StandIn(endless=3)
    assert len(run(tmp_path, stopped, seconds=20, echo=lines.append)) == 2
    assert "the time is up" in lines[-1]
    rest = StandIn()
    assert len(run(tmp_path, rest)) == 8
    assert rest.asked[0] == stopped.asked[-1]


def test_a_failed_trial_is_recorded_and_the_search_goes_on(tmp_path: Path) -> None:
    trials = run(tmp_path, StandIn(fails=[1, 2, 3, 4, 5]), max_trials=7)
    assert [trial.failure for trial in trials] == ["epoch 1: loss exploded"] * 5 + [None] * 2
    searched = tuner(tmp_path, StandIn(), max_trials=7)
    searched.search()
    assert searched.log.best in searched.log.trials[5:]
    assert {trial.status for trial in searched.oracle.trials.values()} == {"FAILED", "COMPLETED"}


def test_settings_that_do_not_go_together_are_a_failure(tmp_path: Path) -> None:
    def refuses(sequences: Any, config: Config, checkpoints: Path, listeners: Sequence[Listener]) -> Outcome:
        if config.model.include_opposite_state:
            raise ValueError("include_opposite_state should go with inputs 'innovations'")
        return Outcome(1.0, 0, 1)

    trials = run(tmp_path, refuses, space={"model.include_opposite_state": [False, True]}, search="grid")
    assert [trial.failure for trial in trials] == [None, "include_opposite_state should go with inputs 'innovations'"]


def test_without_any_figure_there_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(TuningError, match="every one of 3 trials failed; the first: epoch 1: loss exploded"):
        run(tmp_path, StandIn(fails=range(9)), max_trials=3)


def test_a_figure_that_is_no_number_is_a_failure(tmp_path: Path) -> None:
    def nan_once(sequences: Any, config: Config, checkpoints: Path, listeners: Sequence[Listener]) -> Outcome:
        return Outcome(float("nan") if config.model.units == 2 else 1.0, 0, 1)

    trials = run(tmp_path, nan_once, space={"model.units": [2, 4]}, search="grid")
    assert [trial.failure for trial in trials] == ["expected a finite validation RMSE, found nan", None]


def test_an_error_that_is_no_bad_trial_ends_the_search(tmp_path: Path) -> None:
    def broken(sequences: Any, config: Config, checkpoints: Path, listeners: Sequence[Listener]) -> Outcome:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run(tmp_path, broken)
    assert not (tmp_path / "trials.jsonl").exists()


def test_the_best_is_the_lowest(tmp_path: Path) -> None:
    searched = tuner(tmp_path, StandIn())
    searched.search()
    best = searched.log.best
    assert best is not None
    assert best.loss == min(trial.loss or 9 for trial in searched.log.trials)
    assert searched.get_best_hyperparameters()[0].values == best.settings
