"""The generator of listening is what it says: sittings, rhythms, and the probabilities it reports."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.planted_effects import loss_without
from rrn_tf.data.synthetic import START, config_from_text
from rrn_tf.data.synthetic_listening import (
    SOURCES,
    SyntheticListening,
    SyntheticListeningConfig,
    generate_listening,
)

SMALL = SyntheticListeningConfig(users=20, items=60, events=6_000, groups=3, genres=7, memory=80, seed=2)


@pytest.fixture(scope="module")
def events() -> SyntheticListening:
    return generate_listening(SMALL)


def test_sizes_order_and_sittings(events: SyntheticListening) -> None:
    assert len(events) == len(events.user) == len(events.timestamp) == len(events.nll) == 6_000
    assert np.unique(events.user).tolist() == list(range(20))
    assert (events.item.min(), events.item.max()) == (0, 59)
    gap = np.diff(events.timestamp)[np.diff(events.user) == 0]
    assert gap.min() > 0
    assert events.timestamp.min() >= START
    assert np.mean(gap > 3_600) == pytest.approx(1 / SMALL.sitting, rel=0.1)
    assert np.median(gap[gap < 3_600]) < 300
    assert np.ptp(np.bincount(events.user)) > 100


def test_the_same_for_the_same_seed(events: SyntheticListening) -> None:
    again, other = (generate_listening(replace(SMALL, seed=seed)) for seed in (2, 3))
    np.testing.assert_array_equal(events.item, again.item)
    np.testing.assert_array_equal(events.nll, again.nll)
    assert (events.item != other.item).any()


def test_reported_probabilities_are_those_of_the_draws(events: SyntheticListening) -> None:
    np.testing.assert_allclose(events.share.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.exp(-events.nll), (events.share * events.chance).sum(axis=1), rtol=1e-5)
    # The mean of 1 / p over draws is the number of possible outcomes, since every item is possible.
    inverse = np.exp(events.nll.astype(np.float64))
    assert np.mean(inverse) == pytest.approx(SMALL.items, abs=4 * inverse.std() / np.sqrt(len(inverse)))
    # A source draws an event as often as it should by what it says of the drawn items.
    drawn = events.share * events.chance / (events.share * events.chance).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(drawn.mean(axis=0), events.share.mean(axis=0), atol=0.02)


def test_own_sources_are_counts_of_the_past(events: SyntheticListening) -> None:
    """Each event anew, from all that came before it."""
    item, time = (of[events.user == 7] for of in (events.item, events.timestamp))
    rows = np.flatnonzero(events.user == 7)
    for now in (0, 1, 5, 79, 80, 81, 120):
        low = max(now - SMALL.memory, 0)
        past = np.arange(low, now)
        apart = np.abs(time[past] % 86_400 - time[now] % 86_400) / 3_600
        weights = [
            1 / (now - past),
            np.exp(-0.5 * np.minimum(apart, 24 - apart) ** 2),
            time[past] // 86_400 % 7 == time[now] // 86_400 % 7,
            np.where(past > 0, item[past - 1] == item[now - 1], False),
        ]
        for source, weight in enumerate(weights):
            total = np.sum(weight, dtype=float)
            expected = np.sum(weight * (item[past] == item[now])) / total if total else 0
            assert events.chance[rows[now], source] == pytest.approx(expected, rel=1e-4)
            assert (events.share[rows[now], source] > 0) == (total > 0)


@pytest.mark.parametrize("source", [source for source in SOURCES if source != "uniform"])
def test_an_effect_can_be_switched_off_and_is_worth_something_else(source: str, events: SyntheticListening) -> None:
    rows = np.arange(len(events)) >= 0
    assert loss_without(events, [source], rows) > loss_without(events, [], rows) + 5e-4
    off = generate_listening(replace(SMALL, **{source: 0.0}))
    assert not off.share[:, SOURCES.index(source)].any()
    assert loss_without(off, [source], rows) == pytest.approx(loss_without(off, [], rows), abs=2e-3)


def test_shares_depend_on_pauses_and_on_the_length_of_a_history(events: SyntheticListening) -> None:
    flat = generate_listening(replace(SMALL, pause=0.0, length=0.0))
    rows = np.arange(len(events)) >= 0
    costs = [loss_without(of, ["pause", "length"], rows) - loss_without(of, [], rows) for of in (events, flat)]
    assert costs[0] > 0.01
    assert costs[1] == pytest.approx(0, abs=2e-3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("genres=2000", "genres should be at most items, found 2000 and 1000"),
        ("hour=-1", "hour should not be negative, found -1.0"),
        ("uniform=0", "uniform should be more than 0, found 0.0"),
        ("sitting=0", "sitting should be at least 1, found 0.0"),
        ("clusters=5", "expected an option of synthetic listening (users, items, events, "),
    ],
)
def test_what_cannot_be_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011
        config_from_text(text, SyntheticListeningConfig, "synthetic listening")
    assert str(error.value).startswith(said)
