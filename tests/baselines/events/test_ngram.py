"""Counts and backoff against plain Python."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from rrn_tf.baselines.events.ngram import POOLED, PREVIOUS, USER, USER_PREVIOUS, Context, NGram
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split
from tests.events import markov_events, sequences_of, uniform_events


def naive(sequences: EventSequences, levels: tuple[Context, ...], strengths: tuple[float, ...]) -> np.ndarray:
    """Log p of every event's item by dictionaries: float64[N]."""
    counts: list[Counter] = [Counter() for _ in levels]
    keys = []
    for position, user in enumerate(sequences.user):
        first = position == sequences.user_splits[user]
        previous = None if first else sequences.item[position - 1]
        keys.append([(user if of.user else None, previous if of.previous else None) for of in levels])
        if sequences.split[position] == Split.TRAIN:
            for count, key in zip(counts, keys[-1], strict=True):
                count[key, sequences.item[position]] += 1
                count[key] += 1
    found = []
    for item, of_levels in zip(sequences.item, keys, strict=True):
        p = 1 / sequences.num_items
        for count, key, strength in zip(counts, of_levels, strengths, strict=True):
            p = (count[key, item] + strength * p) / (count[key] + strength)
        found.append(np.log(p))
    return np.array(found)


@pytest.mark.parametrize(
    "levels", [(), (POOLED,), (POOLED, PREVIOUS), (POOLED, USER), (POOLED, PREVIOUS, USER, USER_PREVIOUS)], ids=len
)
def test_backoff_is_that_of_plain_python(levels: tuple[Context, ...]) -> None:
    sequences, strengths = uniform_events(0), (3.0, 7.0, 0.5, 11.0)[: len(levels)]
    model = NGram("n", levels, strengths).fit(sequences)
    every = np.arange(len(sequences.item))
    np.testing.assert_allclose(
        model.log_probabilities(sequences, every), naive(sequences, levels, strengths), rtol=1e-6
    )
    np.testing.assert_allclose(
        super(NGram, model).log_probabilities(sequences, every), naive(sequences, levels, strengths), rtol=1e-5
    )


def test_by_hand() -> None:
    # One user, training events 1 2 1 2 1, then 2: user 2-gram (2 + k (2 + k_u p) / (5 + k_u)) / (2 + k).
    sequences = sequences_of([[1, 2, 1, 2, 1, 2]], [(0, 1)], 2)
    model = NGram("user 2-gram", (POOLED, USER, USER_PREVIOUS), (2.0, 3.0, 4.0)).fit(sequences)
    pooled = (2 + 2 * 0.5) / (5 + 2)
    user = (2 + 3 * pooled) / (5 + 3)
    assert model.log_probabilities(sequences, np.array([5]))[0] == pytest.approx(np.log((2 + 4 * user) / (2 + 4)))
    # Pooled, user: two items each; of the user's contexts "the beginning", 1 and 2 each has one.
    assert model.num_parameters == 2 + 2 + 3 + 3


def test_strengths_are_chosen_on_validation() -> None:
    ordered = NGram("user 2-gram", (POOLED, USER, USER_PREVIOUS)).fit(markov_events(1))
    noise = NGram("user 2-gram", (POOLED, USER, USER_PREVIOUS)).fit(uniform_events(1, users=200, valid=8))
    assert ordered.strengths is not None
    assert noise.strengths is not None
    assert ordered.strengths[2] < 3 < 100 < noise.strengths[2]


def test_strengths_are_checked() -> None:
    with pytest.raises(ValueError, match=r"1 numbers above 0, received \[1.0, 2.0\]"):
        NGram("1-gram", (POOLED,), (1.0, 2.0))
    with pytest.raises(ValueError, match=r"above 0, received \[0.0\]"):
        NGram("1-gram", (POOLED,), (0.0,))
    with pytest.raises(RuntimeError, match="1-gram should be fitted"):
        _ = NGram("1-gram", (POOLED,)).num_parameters
