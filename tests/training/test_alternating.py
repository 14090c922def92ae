"""The training loop: what moves, what stays, and that it learns."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.config import Config, config_from_dict
from rrn_tf.data.batches import plan_batches
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.data.synthetic import generate
from rrn_tf.evaluation.metrics import rmse
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.slow_work import Amount, heard_by
from rrn_tf.states.step_states import StepStates
from rrn_tf.training.alternating import TrainingResult, make_model, train
from rrn_tf.training.listeners import EpochRecord, Listener
from rrn_tf.training.phases import Phase, TrainingError
from tests.prepared import CLEAR, write_synthetic

SMALL = {"units": 8, "embedding": 8, "dynamic": 4, "stationary": 3}


def config(**training: Any) -> Config:
    return config_from_dict({"model": SMALL, "training": {"epochs": 2, "rows_per_batch": 256, **training}})


def weights(result: TrainingResult) -> list[np.ndarray]:
    return [variable.numpy() for variable in result.model.variables]


@pytest.mark.slow
@pytest.mark.parametrize(
    "inputs", [{"inputs": "ratings"}, {"inputs": "innovations", "include_opposite_state": True, "ensemble": 2}]
)
def test_a_phase_moves_its_own_side_alone(inputs: dict[str, Any], prepared_dir: Path) -> None:
    strategy = tf.distribute.get_strategy()
    sequences, settings = load_sequences(prepared_dir), config().training
    model = make_model(config_from_dict({"model": {**SMALL, **inputs}}), sequences)
    plans = {s: plan_batches(sequences.side(s), sequences.metadata, 256) for s in SIDES}
    states = StepStates(model, sequences, plans)
    states.refresh_all()

    def snapshot(s: Side) -> list[np.ndarray]:
        variables = [*model.network_variables(s), *model.factors(s).trainable_variables, states.vectors[s]]
        return [variable.numpy() for variable in variables]

    for side in SIDES:
        before = {s: snapshot(s) for s in SIDES}
        Phase(side, model, states, plans[side], settings, strategy).run(np.random.default_rng(0))
        for left, right in zip(before[side.opposite], snapshot(side.opposite), strict=True):
            np.testing.assert_array_equal(left, right)
        *moved, cached = (not np.array_equal(x, y) for x, y in zip(before[side], snapshot(side), strict=True))
        assert all(moved)
        assert not cached, "a phase must leave the refresh of the cache to the loop"


@pytest.mark.slow
def test_dropout_is_drawn_from_the_seed_and_the_update(prepared_dir: Path, tmp_path: Path) -> None:
    one, again, none = (
        [
            (record.user_rmse, record.item_rmse)
            for record in train(prepared_dir, tmp_path / name, config(epochs=2, dropout=share)).history
        ]
        for name, share in (("one", 0.3), ("again", 0.3), ("none", 0.0))
    )
    assert one == again
    assert all(left != right for left, right in zip(one, none, strict=True))


@pytest.mark.slow
def test_one_seed_one_result(prepared_dir: Path, tmp_path: Path) -> None:
    runs = [train(prepared_dir, tmp_path / str(n), config()) for n in range(2)]
    for left, right in zip(*map(weights, runs), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.slow
@pytest.mark.parametrize(("selection", "factors"), [("frozen", 0), ("streaming", 0), ("both", 3)])
def test_the_test_ratings_decide_nothing(selection: str, factors: int, prepared_dir: Path, tmp_path: Path) -> None:
    """Training on data whose test ratings are all different ends in the same weights, bit for bit."""
    ratings = generate(CLEAR)
    sequences = load_sequences(prepared_dir)
    later = ratings.timestamp >= sequences.metadata.cutoff
    ratings.rating[later & (np.arange(len(ratings)) % 2 == 0)] = 1.0
    other = write_synthetic(ratings, tmp_path / "other")
    settings = config(selection=selection)
    settings = dataclasses.replace(settings, model=dataclasses.replace(settings.model, bayesian_factors=factors))
    results = [train(folder, tmp_path / folder.name, settings) for folder in (prepared_dir, other)]
    for left, right in zip(*map(weights, results), strict=True):
        np.testing.assert_array_equal(left, right)
    assert [r.valid_rmse for r in results[0].history] == [r.valid_rmse for r in results[1].history]
    assert results[0].metrics["test"] != results[1].metrics["test"]


@pytest.mark.slow
def test_keeps_the_epoch_that_is_best_on_validation(prepared_dir: Path, tmp_path: Path) -> None:
    result = train(prepared_dir, tmp_path, config(epochs=7, learning_rate=0.02, network_l2=0.0, pretraining="none"))
    scores = [record.valid_rmse for record in result.history]
    assert min(scores) < scores[-1], "the rate should be too high for the last epoch to be the best"
    assert result.metrics["valid"]["frozen"]["rmse"] == pytest.approx(min(scores), abs=1e-6)
    assert result.best_epoch == 1 + int(np.argmin(scores)) > 0


@pytest.mark.slow
def test_without_ratings_that_count_the_last_epoch_is_kept(prepared_dir: Path, tmp_path: Path) -> None:
    """Validation ratings of unseen users and items alone say nothing by the frozen protocol."""
    sequences = load_sequences(prepared_dir)
    for side in SIDES:
        split = sequences.side(side).split
        split[split == Split.VALID] = Split.VALID_COLD
    result = train(sequences, tmp_path, config(epochs=1))
    assert result.best_epoch == 1
    assert np.isinf(result.history[0].valid_rmse)


@pytest.mark.slow
def test_stops_after_epochs_without_gain(prepared_dir: Path, tmp_path: Path) -> None:
    result = train(prepared_dir, tmp_path, config(epochs=30, patience=1, learning_rate=0.1, network_l2=0.0))
    assert len(result.history) == result.best_epoch + 1 < 30


def test_a_loss_that_is_not_finite_stops_with_its_place(prepared_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"epoch \d+, (user|item)_phase, batch \d+ of \d+: the loss is (nan|inf)"):
        train(prepared_dir, tmp_path, config(learning_rate=1e30, gradient_clip=0.0))


@pytest.mark.slow
def test_tells_listeners_and_tensorboard(prepared_dir: Path, tmp_path: Path) -> None:
    class Recorder(Listener):
        def __init__(self) -> None:
            self.batches: list[tuple[int, str, int, int]] = []
            self.epochs: list[EpochRecord] = []

        def on_batch(self, epoch: int, phase: str, done: int, of: int) -> None:
            self.batches.append((epoch, phase, done, of))

        def on_epoch(self, record: EpochRecord) -> None:
            self.epochs.append(record)

    recorder, heard = Recorder(), list[tuple[str, Amount | None]]()
    with heard_by(lambda *what: heard.append(what)):
        train(prepared_dir, tmp_path / "out", config(epochs=1), log_dir=tmp_path / "logs", listeners=[recorder])
    ended = [what for what, amount in heard if amount is None]
    assert ended == [
        "computing the first states",
        "epoch 1 states",
        "epoch 1 states",
        "epoch 1 validation",
        "epochs, at most",
        "predicting by both protocols",
    ]
    assert [phase for _, phase, done, of in recorder.batches if done == of] == ["user_phase", "item_phase"]
    assert len(recorder.epochs) == 1
    assert len(list((tmp_path / "out" / "best").glob("epoch-*.index"))) == 1
    (events,) = (tmp_path / "logs").glob("events.*")
    tags = {v.tag for event in tf.compat.v1.train.summary_iterator(str(events)) for v in event.summary.value}
    assert {"valid_rmse", "user_rmse", "item_rmse"} <= tags


@pytest.mark.slow
@pytest.mark.parametrize("pretraining", ["pmf", "u-autorec", "bias", "none"])
def test_every_start_learns(pretraining: str, prepared_dir: Path, tmp_path: Path) -> None:
    result = train(prepared_dir, tmp_path, config(pretraining=pretraining, epochs=3, learning_rate=3e-3))
    errors = [record.item_rmse for record in result.history]
    assert errors[-1] < errors[0]
    assert np.isfinite(errors).all()


@pytest.mark.slow
def test_learns_where_there_is_signal_and_nothing_where_there_is_noise(tmp_path: Path) -> None:
    """Without pretraining: what is learned comes from the two networks."""
    gains = {}
    for name, signal in (("signal", 1.0), ("noise", 0.0)):
        ratings = generate(dataclasses.replace(CLEAR, users=300, ratings=10_000, signal=signal))
        settings = config(epochs=12, patience=3, learning_rate=3e-3, network_l2=1e-4, pretraining="none")
        result = train(write_synthetic(ratings, tmp_path / name), tmp_path / f"{name}-out", settings)
        train_rows, test = (result.sequences.interactions([split]) for split in (Split.TRAIN, Split.TEST))
        mean = np.full(len(test), train_rows.rating.mean())
        gains[name] = rmse(mean, test.rating) - result.metrics["test"]["frozen"]["rmse"]
    assert gains["signal"] > 0.15
    assert gains["noise"] < 0.005
