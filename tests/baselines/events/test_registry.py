"""What every model of events keeps to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rrn_tf.baselines.events import protocol
from rrn_tf.baselines.events.factorization import SoftmaxFactorization
from rrn_tf.baselines.events.hmm import PooledHMM
from rrn_tf.baselines.events.next_item_network import gru4rec, sasrec
from rrn_tf.baselines.events.protocol import EventBaseline, mean_nll, validation_nll
from rrn_tf.baselines.events.registry import standard_event_baselines
from rrn_tf.data.event_scores import positions_of
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split
from tests.events import markov_events, sequences_of, uniform_events, with_items

# Those whose search or training takes long, smaller.
SMALLER: dict[str, Callable[[], EventBaseline]] = {
    "MF": lambda: SoftmaxFactorization(factors=2, l2=(3.0, 1.0), max_epochs=8),
    "HMM": lambda: PooledHMM(states=(2, 4), smoothing=(30.0, 10.0), max_iterations=10),
    "GRU4Rec": lambda: gru4rec(width=4, window=6, max_epochs=1),
    "SASRec": lambda: sasrec(width=4, window=6, max_epochs=1),
}
NETWORKS = ("GRU4Rec", "SASRec")  # most of their time is the tracing of graphs
NAMES = [model.name for model in standard_event_baselines(everything=True)]
FAST = [name for name in NAMES if name not in NETWORKS]


def small(name: str) -> EventBaseline:
    """A new, unfitted baseline of the leaderboard."""
    if name in SMALLER:
        return SMALLER[name]()
    return next(model for model in standard_event_baselines() if model.name == name)


EACH = pytest.mark.parametrize(
    "name",
    [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS)],
    ids=lambda name: name.replace(" ", "-"),
)


def all_positions(sequences: EventSequences) -> np.ndarray:
    return np.arange(len(sequences.item))


def distributions(model: EventBaseline, sequences: EventSequences, positions: np.ndarray) -> np.ndarray:
    """Log p of every item at each position, asked one replaced item at a time: float64[N, M]."""
    columns = []
    for item in range(1, sequences.num_items + 1):
        of_item = np.empty(len(positions))
        for at, position in enumerate(positions):
            items = sequences.item.copy()
            items[position] = item
            of_item[at] = model.log_probabilities(with_items(sequences, items), np.array([position]))[0]
        columns.append(of_item)
    return np.stack(columns, axis=1)


@EACH
def test_probabilities_add_up_to_one_and_ranks_follow_from_them(name: str) -> None:
    sequences = uniform_events(0)
    model = small(name).fit(sequences)
    positions = np.random.default_rng(0).choice(len(sequences.item), 20, replace=False)
    written_out = distributions(model, sequences, positions)
    np.testing.assert_allclose(np.exp(written_out).sum(axis=1), 1, rtol=2e-6)
    true = written_out[np.arange(20), sequences.item[positions] - 1]
    np.testing.assert_allclose(model.log_probabilities(sequences, positions), true, rtol=1e-6)
    # Float32 sums may part what is equal, and the tolerance may join what is not.
    above = (written_out > true[:, np.newaxis] + 1e-5).sum(axis=1)
    equal = (np.abs(written_out - true[:, np.newaxis]) <= 1e-5).sum(axis=1)
    ranks = model.ranks(sequences, positions)
    assert (np.abs(ranks - (above + (equal + 1) / 2)) <= (equal - 1) / 2).all()
    if name == "uniform":
        np.testing.assert_array_equal(ranks, (sequences.num_items + 1) / 2)


@EACH
def test_an_answer_does_not_depend_on_the_others_nor_on_the_block(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = uniform_events(1)
    model = small(name).fit(sequences)
    positions = np.random.default_rng(1).permutation(len(sequences.item))
    together, ranks = model.log_probabilities(sequences, positions), model.ranks(sequences, positions)
    assert together.dtype == ranks.dtype == np.float32
    monkeypatch.setattr(protocol, "_BLOCK", 3 * sequences.num_items)
    np.testing.assert_allclose(model.log_probabilities(sequences, positions[::-1])[::-1], together, rtol=1e-5)
    np.testing.assert_allclose(model.ranks(sequences, positions[:50]), ranks[:50], atol=1)
    alone = [model.log_probabilities(sequences, positions[at : at + 1])[0] for at in range(10)]
    np.testing.assert_allclose(alone, together[:10], rtol=1e-5)
    assert model.log_probabilities(sequences, positions[:0]).shape == (0,)
    assert model.ranks(sequences, positions[:0]).shape == (0,)


@EACH
def test_later_events_and_other_users_change_no_earlier_score(name: str) -> None:
    sequences = uniform_events(2)
    model = small(name).fit(sequences)
    rng = np.random.default_rng(2)
    step = np.arange(len(sequences.item)) - sequences.user_splits[sequences.user]
    positions = np.flatnonzero(step == 8)
    later = with_items(
        sequences, np.where(step > 8, rng.integers(1, sequences.num_items + 1, len(step)), sequences.item)
    )
    np.testing.assert_array_equal(
        model.log_probabilities(sequences, positions), model.log_probabilities(later, positions)
    )
    np.testing.assert_array_equal(model.ranks(sequences, positions), model.ranks(later, positions))
    alone = np.where((sequences.user == 3) | (step == 8), sequences.item, sequences.item[::-1])
    of_third = positions[sequences.user[positions] == 3]
    np.testing.assert_allclose(
        model.log_probabilities(with_items(sequences, alone), of_third),
        model.log_probabilities(sequences, of_third),
        rtol=1e-6,
    )


@EACH
def test_test_events_decide_nothing(name: str) -> None:
    sequences = uniform_events(3)
    test = positions_of(sequences, [Split.TEST])
    items = sequences.item.copy()
    items[test] = np.random.default_rng(3).permutation(items[test])
    first, second = small(name).fit(sequences), small(name).fit(with_items(sequences, items))
    earlier = positions_of(sequences, [Split.TRAIN, Split.VALID])
    np.testing.assert_array_equal(
        first.log_probabilities(sequences, earlier), second.log_probabilities(sequences, earlier)
    )
    np.testing.assert_array_equal(first.log_probabilities(sequences, test), second.log_probabilities(sequences, test))


@EACH
def test_without_validation_events_defaults_serve(name: str) -> None:
    sequences = uniform_events(4, valid=0)
    model = small(name)
    if name != "uniform":
        with pytest.raises(RuntimeError, match=f"{model.name} should be fitted before it is used"):
            model.log_probabilities(sequences, all_positions(sequences))
    assert model.fit(sequences) is model
    assert np.isfinite(model.log_probabilities(sequences, all_positions(sequences))).all()
    assert model.num_parameters >= (name != "uniform")
    assert np.isnan(validation_nll(model, sequences))


@EACH
def test_nothing_beats_chance_on_noise(name: str) -> None:
    sequences = uniform_events(5, users=300, num_items=20, valid=8, test=8)
    test = positions_of(sequences, [Split.TEST])
    model = small(name).fit(sequences)
    found = mean_nll(model.log_probabilities(sequences, test), sequences.user[test])
    assert np.log(20) - 0.005 < found < np.log(20) + 0.03


def test_users_own_transitions_are_learnt() -> None:
    sequences = markov_events(0)
    test = positions_of(sequences, [Split.TEST])
    found = {
        model.name: mean_nll(model.fit(sequences).log_probabilities(sequences, test), sequences.user[test])
        for model in map(small, FAST)
    }
    # The best reachable is the entropy of the generator.
    right = 0.9 + 0.1 / 12
    best = -right * np.log(right) - (1 - right) * np.log(0.1 / 12)
    assert best - 0.05 < found["user 2-gram"] < best + 0.35
    assert found["mixed 2-gram"] < found["user 2-gram"] + 0.02
    assert found["interpolated counts"] < found["user 2-gram"] + 0.1
    assert found["gated counts"] < found["user 2-gram"] + 0.1
    for pooled in ("uniform", "1-gram", "2-gram", "user 1-gram", "MF", "HMM", "TIFU-KNN"):
        assert found["user 2-gram"] < found[pooled] - 0.8


def test_metric_is_a_mean_over_users() -> None:
    assert mean_nll(np.array([-1.0, -3.0, -6.0]), np.array([1, 1, 4])) == pytest.approx((2 + 6) / 2)


def test_names_of_the_leaderboard() -> None:
    assert set(NAMES) == {
        *("uniform", "1-gram", "2-gram", "user 1-gram", "user 2-gram", "mixed 2-gram"),
        *("interpolated counts", "TIFU-KNN", "gated counts, order only", "gated counts", *SMALLER),
    }
    assert set(NAMES) - {model.name for model in standard_event_baselines()} == {"MF", "HMM"}
    assert all(model.reference for model in standard_event_baselines(everything=True))


def test_a_user_without_training_events_is_predicted() -> None:
    sequences = sequences_of([[1, 2, 3, 1, 2, 3, 1], [2, 3]], [(1, 1), (1, 1)], 3)
    for name in FAST:
        model = small(name).fit(sequences)
        assert np.isfinite(model.log_probabilities(sequences, np.arange(9))).all()
