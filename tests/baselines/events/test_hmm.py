"""Filtering against one user at a time, and against hmmlearn's own likelihood."""

from __future__ import annotations

import numpy as np
import pytest
from hmmlearn.hmm import CategoricalHMM

from rrn_tf.baselines.events.hmm import PooledHMM
from rrn_tf.baselines.events.hmm_filter import HMMParameters, predicted_states
from rrn_tf.data.event_scores import positions_of
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split
from tests.events import sequences_of, uniform_events


def parameters(seed: int, states: int = 3, items: int = 7) -> HMMParameters:
    rng = np.random.default_rng(seed)
    return HMMParameters(
        rng.dirichlet(np.ones(states)).astype(np.float32),
        rng.dirichlet(np.ones(states), states).astype(np.float32),
        rng.dirichlet(np.ones(items), states).astype(np.float32),
    )


def naive(of: HMMParameters, sequences: EventSequences) -> np.ndarray:
    found = np.empty((len(sequences.item), len(of.start)))
    for begin, end in zip(sequences.user_splits, sequences.user_splits[1:]):
        state = of.start
        for position in range(begin, end):
            found[position] = state
            seen = state * of.emissions[:, sequences.item[position] - 1]
            state = seen / seen.sum() @ of.transitions
    return found


def test_filtering_is_that_of_one_user_at_a_time() -> None:
    sequences, of = uniform_events(0), parameters(0)
    expected = naive(of, sequences)
    every = np.arange(len(sequences.item))
    np.testing.assert_allclose(predicted_states(of, sequences, every), expected, atol=1e-6)
    some = np.random.default_rng(0).permutation(every)[:25]
    np.testing.assert_allclose(predicted_states(of, sequences, some), expected[some], atol=1e-6)
    twice = np.repeat(some[:3], 2)
    np.testing.assert_allclose(predicted_states(of, sequences, twice), expected[twice], atol=1e-6)


def test_predictions_add_up_to_hmmlearns_likelihood() -> None:
    sequences, of = uniform_events(1), parameters(1)
    model = CategoricalHMM(3, n_features=7)
    exact = [p.astype(np.float64) for p in of]
    model.startprob_, model.transmat_, model.emissionprob_ = (p / p.sum(axis=-1, keepdims=True) for p in exact)
    predicted = predicted_states(of, sequences, np.arange(len(sequences.item)))
    p = np.einsum("ns,sn->n", predicted, of.emissions[:, sequences.item - 1])
    expected = model.score(sequences.item[:, np.newaxis] - 1, np.diff(sequences.user_splits)[1:])
    assert np.log(p).sum() == pytest.approx(expected, rel=1e-6)


def test_moods_are_found() -> None:
    """Two moods of five items each, which last: the mood tells the next item, the last item alone tells it too."""
    rng = np.random.default_rng(0)
    items = []
    for _ in range(60):
        mood = np.cumsum(rng.random(80) < 0.05) % 2
        items.append((rng.integers(0, 5, 80) + 5 * mood + 1).tolist())
    sequences = sequences_of(items, [(8, 8)] * 60, 10)
    model = PooledHMM(states=2, smoothing=(10.0, 1.0)).fit(sequences)
    test = positions_of(sequences, [Split.TEST])
    found = -model.log_probabilities(sequences, test).mean()
    best = np.log(5) - 0.95 * np.log(0.95) - 0.05 * np.log(0.05)
    assert found == pytest.approx(best, abs=0.05)
    assert model.num_parameters == 2 + 4 + 20


def test_grids_are_checked() -> None:
    with pytest.raises(ValueError, match="states should be one or more values of at least 1"):
        PooledHMM(states=0)
    with pytest.raises(ValueError, match="smoothing should be one or more values of at least"):
        PooledHMM(smoothing=0.0)
    with pytest.raises(RuntimeError, match="HMM should be fitted"):
        _ = PooledHMM().num_parameters
