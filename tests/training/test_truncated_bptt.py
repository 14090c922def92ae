"""Training of the Collaborative RNN: its updates, what they touch, and that it learns."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import config_from_dict
from rrn_tf.data.event_batches import plan_training
from rrn_tf.data.events import EventSequences
from rrn_tf.evaluation.event_protocols import CLEAN, INTERLEAVED
from rrn_tf.evaluation.network_scores import network_figures
from rrn_tf.features import Split
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.states.event_states import EventRoller
from rrn_tf.training.chunks import ChunkPhase
from rrn_tf.training.listeners import Listener
from rrn_tf.training.phases import TrainingError
from rrn_tf.training.truncated_bptt import CollaborativeResult, make_model, train
from tests.collaborative_reference import lazy_rmsprop
from tests.events import random_events, sequences_of

ITEMS, CHUNK = 9, 4
LENGTHS = [(11, 2, 2), (9, 1, 2), (14, 2, 0), (6, 1, 1)]


def config(model: dict[str, Any] | None = None, **training: Any) -> CollaborativeConfig:
    settings = {"epochs": 2, "users_per_batch": 2, "chunk": CHUNK, "patience": 0, **training}
    return config_from_dict({"model": {"units": 3, **(model or {})}, "training": settings}, CollaborativeConfig)


@pytest.fixture(scope="module")
def sequences() -> EventSequences:
    return random_events(LENGTHS, ITEMS)


def reference_epoch(model: CollaborativeRNN, plan: Any, order: np.ndarray, c: CollaborativeConfig) -> list[np.ndarray]:
    """One epoch in eager steps, with automatic differentiation through whole chunks and RMSprop written out."""
    settings, variables = c.training, [v for v in model.trainable_variables if v.shape.num_elements()]
    squares = [np.zeros(variable.shape) for variable in variables]
    for number in order:
        (group,) = plan.groups[number]
        state = tf.zeros([len(group.user), model.cell.units])
        for begin in range(0, group.item.shape[1] - 1, settings.chunk):
            with tf.GradientTape() as tape:
                loss = 0.0
                for step in range(begin, begin + settings.chunk):
                    real = (step < group.length)[:, np.newaxis]
                    after = model.cell.step(group.user, group.item[:, step], state)
                    state = tf.where(real, after, state)
                    scored = state
                    if model.stationary.factors:
                        scored = tf.concat([state, model.stationary(group.user)], axis=1)
                    log_p = tf.nn.log_softmax(scored @ model.softmax.kernel)
                    target = group.item[:, step + 1]
                    chosen = tf.gather(log_p, np.maximum(target - 1, 0), batch_dims=1)
                    loss -= tf.reduce_sum(tf.where(real[:, 0], chosen, 0.0))
                loss /= settings.users_per_batch * settings.chunk
                if model.stationary.factors:
                    rows = tf.gather(model.stationary.table, group.user)
                    loss += settings.stationary_l2 / 2 * tf.reduce_sum(rows**2)
            gradients = tape.gradient(loss, variables)
            for variable, gradient, square in zip(variables, gradients, squares, strict=True):
                dense = tf.convert_to_tensor(gradient).numpy().astype(np.float64)
                touched = np.ones(dense.shape[:1], bool)
                if isinstance(gradient, tf.IndexedSlices):
                    touched = np.isin(np.arange(len(dense)), gradient.indices.numpy())
                square[touched] = settings.rho * square[touched] + (1 - settings.rho) * dense[touched] ** 2
                delta = settings.learning_rate * dense / np.sqrt(square + settings.epsilon)
                variable.assign_sub(np.where(touched.reshape(-1, *[1] * (dense.ndim - 1)), delta, 0).astype(np.float32))
            state = tf.stop_gradient(state)
    return [variable.numpy() for variable in model.trainable_variables]


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param({}, id="gru"),
        pytest.param({"activation": "tanh"}, id="tanh", marks=pytest.mark.slow),
        pytest.param({"cell": "rnn"}, id="c-tanh"),
        pytest.param({"matrices": "shared"}, id="p-gru"),
        pytest.param({"stationary": 2}, id="stationary"),
    ],
)
def test_an_epoch_equals_the_written_out_algorithm(sizes: dict[str, Any], sequences: EventSequences) -> None:
    c = config(sizes, stationary_l2=0.01)
    tf.keras.utils.set_random_seed(2)
    model, twin = make_model(c, sequences), make_model(c, sequences)
    for mine, theirs in zip(model.variables, twin.variables, strict=True):
        theirs.assign(mine)
    plan, order = plan_training(sequences, 2, CHUNK), np.array([1, 0])
    ChunkPhase(model, plan, c.training, tf.distribute.get_strategy()).run(order)
    for mine, expected in zip(model.trainable_variables, reference_epoch(twin, plan, order, c), strict=True):
        np.testing.assert_allclose(mine.numpy(), expected, rtol=2e-4, atol=2e-5, err_msg=mine.name)


def test_only_the_groups_users_and_items_move(sequences: EventSequences) -> None:
    c = config({"stationary": 2})
    model = make_model(c, sequences)
    plan = plan_training(sequences, 2, CHUNK)
    before = [variable.numpy() for variable in model.trainable_variables]
    ChunkPhase(model, plan, c.training, tf.distribute.get_strategy()).run(np.array([0]))
    (group,) = plan.groups[0]
    fed = {int(i) for row, n in zip(group.item, group.length, strict=True) for i in row[:n]}
    for table, mine in ((model.cell.recurrent, set(group.user)), (model.cell.embedding, fed)):
        for variable in table:
            old = next(b for b, v in zip(before, model.trainable_variables, strict=True) if v is variable)
            changed = np.flatnonzero((old != variable.numpy()).reshape(len(old), -1).any(axis=1))
            assert set(changed) == mine


def results_equal(left: CollaborativeResult, right: CollaborativeResult) -> None:
    for mine, theirs in zip(left.model.variables, right.model.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    np.testing.assert_array_equal(left.states, right.states)
    assert left.metrics == right.metrics
    figures = ("epoch", "train_nll", "valid_nll", "best")
    assert [[getattr(r, f) for f in figures] for r in left.history] == [
        [getattr(r, f) for f in figures] for r in right.history
    ]


class Stop(Listener):
    """Stops training at a group, once."""

    def __init__(self, epoch: int, done: int) -> None:
        self.place = (epoch, done)

    def on_batch(self, epoch: int, phase: str, done: int, of: int) -> None:
        if (epoch, done) == self.place:
            raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.parametrize("selection", ["clean", "interleaved"])
def test_resumed_training_ends_in_the_same_bits(selection: str, sequences: EventSequences, tmp_path: Path) -> None:
    c = config(epochs=4, selection=selection)
    whole = train(sequences, tmp_path / "whole", c)
    for place in ((1, 1), (3, 2)):
        with pytest.raises(KeyboardInterrupt):
            train(sequences, tmp_path / "parts", c, listeners=[Stop(*place)], resume=place[0] > 1)
    results_equal(train(sequences, tmp_path / "parts", c, resume=True), whole)


@pytest.fixture(scope="module")
def too_fast(sequences: EventSequences, tmp_path_factory: pytest.TempPathFactory) -> CollaborativeResult:
    """Trained at a rate that is too high for the last epoch to be the best."""
    return train(sequences, tmp_path_factory.mktemp("fast"), config(epochs=40, patience=2, learning_rate=0.3))


def test_metrics_and_states_are_those_of_the_best_weights(
    sequences: EventSequences, too_fast: CollaborativeResult
) -> None:
    result, losses = too_fast, [record.valid_nll for record in too_fast.history]
    assert result.best_epoch == 1 + int(np.argmin(losses)) < len(losses)
    assert result.metrics["valid"][CLEAN]["nll"] == pytest.approx(min(losses), rel=1e-6)
    figures = network_figures(result.model, sequences, CLEAN)
    for split in ("valid", "test"):
        assert figures[split]["nll"] == pytest.approx(result.metrics[split][CLEAN]["nll"], rel=1e-5)
        assert figures[split]["n"] == result.metrics[split][CLEAN]["n"]
    np.testing.assert_array_equal(result.states, EventRoller(result.model).states(sequences))


def test_validation_reads_the_first_chunks_alone(tmp_path: Path) -> None:
    items = [[*range(1, 10), *range(9, 0, -1)], [3, 1, 4, 1, 5, 9, 2, 6]]
    c = config(selection="interleaved", valid_chunks=1)
    whole = train(sequences_of(items, [(9, 0), (2, 0)], ITEMS), tmp_path / "whole", c)
    cut = train(
        sequences_of([items[0][:13], items[1]], [(4, 0), (2, 0)], ITEMS),
        tmp_path / "cut",
        config(selection="interleaved"),
    )
    assert whole.metrics["valid"][INTERLEAVED] == cut.metrics["valid"][INTERLEAVED]
    assert cut.metrics["valid"][INTERLEAVED]["n"] == CHUNK - 1 + 1


def test_stops_after_epochs_without_gain(too_fast: CollaborativeResult) -> None:
    assert len(too_fast.history) == too_fast.best_epoch + 2 < 40


def test_test_events_decide_nothing_and_the_future_moves_no_probability(
    sequences: EventSequences, tmp_path: Path
) -> None:
    other = dataclasses.replace(sequences, item=np.where(sequences.split == Split.TEST, 1, sequences.item))
    left, right = (train(s, tmp_path / str(n), config()) for n, s in enumerate((sequences, other)))
    for mine, theirs in zip(left.model.variables, right.model.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    assert left.metrics["valid"] == right.metrics["valid"]
    assert left.metrics["test"] != right.metrics["test"]


def test_a_loss_that_is_not_finite_stops_with_its_place(sequences: EventSequences, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"epoch \d+, group \d+ of 2, chunk \d+ of \d+: the loss is nan.*phase-"):
        train(sequences, tmp_path, config(learning_rate=1e38, epochs=3))


@pytest.mark.slow
def test_sampled_softmax_and_half_precision_learn(tmp_path: Path) -> None:
    # Each user goes round its own few items.
    events = random_events([(40, 4, 4)] * 6, 12)
    events.item[:] = 1 + (events.user * 2 + np.arange(len(events.item)) % 3) % 12
    for name, settings in {
        "full": {},
        "sampled": {"softmax": "sampled", "samples": 8},
        "half": {"precision": "bfloat16"},
    }.items():
        result = train(events, tmp_path / name, config({"units": 8}, epochs=15, learning_rate=0.02, **settings))
        assert result.metrics["test"][CLEAN]["nll"] < 1.0 < np.log(12), name


def test_reference_of_the_optimizer_is_the_shared_one() -> None:
    """`reference_epoch` and the optimizer's own tests agree on one step."""
    start, gradient = np.ones([1, 2]), np.array([0.5, -2.0])
    moved = lazy_rmsprop(start, [{0: gradient}], 0.1, 0.9, 1e-8)
    np.testing.assert_allclose(moved, start - 0.1 * gradient / np.sqrt(0.1 * gradient**2 + 1e-8))
