"""GRU4Rec and SASRec: windows by brute force, nothing read from the future, and order that is learnt."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.baselines.events.next_item_network import NextItemNetwork, gru4rec, sasrec
from rrn_tf.baselines.events.protocol import mean_nll
from rrn_tf.baselines.events.sequence_encoders import attention_encoder, recurrent_encoder
from rrn_tf.baselines.events.windows import training_windows, windows
from rrn_tf.data.event_scores import positions_of
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split
from tests.events import sequences_of, uniform_events

WINDOW = 5
MODELS = pytest.mark.parametrize("make", [gru4rec, sasrec])


def cyclic_events() -> EventSequences:
    """Everybody takes the next of six items, but one time in ten any."""
    rng = np.random.default_rng(0)
    moves = np.where(rng.random((60, 40)) < 0.9, 1, rng.integers(6, size=(60, 40)))
    return sequences_of((moves.cumsum(axis=1) % 6 + 1).tolist(), [(4, 4)] * 60, 6)


def test_training_windows_hold_each_event_once_with_the_one_before() -> None:
    sequences = uniform_events(0)
    train = positions_of(sequences, [Split.TRAIN])
    longest, found = 0, []
    for batch in training_windows(sequences, train, WINDOW, 4, np.random.default_rng(0)):
        assert len(batch.user) <= 4
        longest = max(longest, batch.item.shape[1])
        for user, previous, item in zip(*batch, strict=True):
            length = np.count_nonzero(item)
            assert not item[length:].any()
            assert not previous[length:].any()
            np.testing.assert_array_equal(previous[1:length], item[: length - 1])
            found += [(user, *pair) for pair in zip(previous[:length], item[:length], strict=True)]
    first = np.isin(train, sequences.user_splits)
    pairs = zip(
        sequences.user[train], np.where(first, 0, sequences.item[train - 1]), sequences.item[train], strict=True
    )
    assert sorted(found) == sorted(pairs)
    assert sum(1 for _ in training_windows(sequences, train, WINDOW, 40, np.random.default_rng(0))) >= 32
    assert longest == WINDOW


def test_windows_by_hand() -> None:
    sequences = sequences_of([[3, 1, 2], [2, 3, 1]], [(0, 1), (0, 1)], 3)
    cut = windows(sequences, np.array([1, 3]), np.array([2, 1]))
    np.testing.assert_array_equal(cut.user, [1, 2])
    np.testing.assert_array_equal(cut.previous, [[3, 1], [0, 0]])
    np.testing.assert_array_equal(cut.item, [[1, 2], [2, 0]])


@pytest.mark.parametrize("make", [recurrent_encoder, attention_encoder])
def test_a_step_knows_nothing_of_later_ones(make: Callable[..., tf.keras.Model]) -> None:
    tf.random.set_seed(0)
    encoder = make(8, WINDOW, 0.5)
    inputs = np.random.default_rng(0).standard_normal((2, WINDOW, 8)).astype(np.float32)
    changed = inputs.copy()
    changed[:, 3:] *= -2
    before, after = encoder(inputs).numpy(), encoder(changed).numpy()
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert np.abs(before[:, 3:] - after[:, 3:]).min() > 0
    np.testing.assert_allclose(encoder(inputs[:, :2]).numpy(), before[:, :2], atol=1e-6)


@pytest.mark.slow
@MODELS
def test_order_is_learnt_and_users_too(make: Callable[..., NextItemNetwork]) -> None:
    sequences = cyclic_events()
    test = positions_of(sequences, [Split.TEST])
    model = make(width=16, window=8, dropout=0.1, learning_rate=0.02).fit(sequences)
    right = 0.9 + 0.1 / 6
    best = -right * np.log(right) - (1 - right) * np.log(0.1 / 6)
    assert best - 0.1 < mean_nll(model.log_probabilities(sequences, test), sequences.user[test]) < best + 0.2
    assert model.best_epoch > 0


@pytest.mark.slow
@MODELS
def test_a_seed_decides(make: Callable[..., NextItemNetwork]) -> None:
    sequences = uniform_events(0)
    every = np.arange(len(sequences.item))
    first, again, other = (
        make(seed, width=4, window=WINDOW, max_epochs=2).fit(sequences).log_probabilities(sequences, every)
        for seed in (1, 1, 2)
    )
    np.testing.assert_allclose(first, again, rtol=1e-5)
    assert np.abs(first - other).max() > 1e-4
