"""Mixtures of counts: against plain Python, on planted habits, and that what was held out counts once it is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from rrn_tf.baselines.events import count_mixture, protocol
from rrn_tf.baselines.events.count_mixture import (
    CountMixture,
    decayed_counts_and_neighbours,
    gated_counts,
    interpolated_counts,
)
from rrn_tf.baselines.events.ngram import POOLED, USER, NGram
from rrn_tf.baselines.events.protocol import mean_nll
from rrn_tf.data.event_scores import positions_of
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split
from tests.events import rhythmic_events, with_items


def naive_interpolation(sequences: EventSequences, weights: np.ndarray, position: int) -> float:
    """Log p of one event's item, weights in the order own 1-gram, own 2-gram, others' 2-gram, popularity, uniform."""
    items, user = sequences.item.tolist(), sequences.user[position]
    first, item = sequences.user_splits[user], items[position]
    own = items[first:position]
    last = own[-1] if own else None
    after = [b for a, b in pairwise(own) if a == last]
    others, met = [], []
    for at in np.flatnonzero((sequences.split == Split.TRAIN) & (sequences.user != user)):
        met.append(items[at])
        if at > sequences.user_splits[sequences.user[at]] and items[at - 1] == last:
            others.append(items[at])
    total = len(met) + 0.1 * sequences.num_items
    said = [
        *((of.count(item) / len(of) if of else None) for of in (own, after, others)),
        (met.count(item) + 0.1) / total,
        1 / sequences.num_items,
    ]
    there = [(weight, p) for weight, p in zip(weights, said, strict=True) if p is not None]
    return float(np.log(sum(weight * p for weight, p in there) / sum(weight for weight, _ in there)))


def test_interpolation_is_that_of_plain_python() -> None:
    sequences = rhythmic_events()
    model = interpolated_counts().fit(sequences)
    assert model.gate is not None
    positions = np.arange(0, len(sequences.item), 3)
    found = model.log_probabilities(sequences, positions)
    expected = [naive_interpolation(sequences, np.exp(model.gate.constant), position) for position in positions]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("make", [interpolated_counts, decayed_counts_and_neighbours, gated_counts])
def test_held_out_events_count_once_they_are_known(make: type[CountMixture]) -> None:
    sequences = rhythmic_events()
    model, last = make().fit(sequences), sequences.user_splits[2:] - 1
    changed = sequences.item.copy()
    changed[last - 2] = sequences.item[last]
    before, after = (model.log_probabilities(of, last) for of in (sequences, with_items(sequences, changed)))
    other = sequences.item[last - 2] != sequences.item[last]
    assert other.sum() > 3
    assert (after - before)[other].mean() > 0.05, "who has just met an item is likelier to meet it again"
    np.testing.assert_array_equal(after[~other], before[~other])


def test_events_in_parts_are_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = rhythmic_events()
    model, positions = gated_counts().fit(sequences), positions_of(sequences, [Split.TEST])
    whole, ranks = model.log_probabilities(sequences, positions), model.ranks(sequences, positions)
    monkeypatch.setattr(count_mixture, "_PAIRS", 30)
    monkeypatch.setattr(protocol, "_BLOCK", 20)
    np.testing.assert_array_equal(model.log_probabilities(sequences, positions), whole)
    np.testing.assert_array_equal(model.ranks(sequences, positions), ranks)
    written_out = super(CountMixture, model).log_probabilities(sequences, positions)
    np.testing.assert_allclose(written_out, whole, rtol=1e-5)


def test_the_hour_tells_what_returns() -> None:
    sequences = rhythmic_events()
    test = positions_of(sequences, [Split.TEST])
    models = (gated_counts(), gated_counts(clock=False), NGram("user 1-gram", (POOLED, USER)))
    timed, ordered, counted = (
        mean_nll(model.fit(sequences).log_probabilities(sequences, test), sequences.user[test]) for model in models
    )
    assert timed < min(ordered, counted) - 0.1


def test_order_alone_does_not_read_the_time() -> None:
    sequences = rhythmic_events()
    test = positions_of(sequences, [Split.TEST])
    hour = replace(sequences, timestamp=np.arange(len(sequences.item)) * 3_600)
    for model in (gated_counts(clock=False), interpolated_counts(), decayed_counts_and_neighbours()):
        np.testing.assert_array_equal(
            model.fit(sequences).log_probabilities(sequences, test), model.fit(hour).log_probabilities(hour, test)
        )


def test_the_decay_is_chosen_on_validation() -> None:
    rng = np.random.default_rng(0)
    sequences = rhythmic_events()
    # Everybody meets one item for long, then the next one.
    place = np.arange(len(sequences.item)) - sequences.user_splits[sequences.user]
    drifting = with_items(sequences, (sequences.user + place // 4) % sequences.num_items + 1)
    steady = with_items(sequences, (sequences.user + rng.integers(3, size=len(place))) % sequences.num_items + 1)
    decays = [decayed_counts_and_neighbours().fit(of).kernels[0].events for of in (drifting, steady)]
    assert decays[0] == 5.0
    assert decays[1] > 20
