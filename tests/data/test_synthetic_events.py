"""The generator of events is what it says: sizes, chains, and the probabilities it reports."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rrn_tf.data.synthetic import START, config_from_text
from rrn_tf.data.synthetic_events import SyntheticEventsConfig, generate_events, mean_by_user

SMALL = SyntheticEventsConfig(users=60, items=310, events=9_000, clusters=20, user_clusters=5, seed=3)


@pytest.mark.parametrize("config", [SMALL, replace(SMALL, taste=1.0, length_spread=1.0)])
def test_sizes_and_order(config: SyntheticEventsConfig) -> None:
    events = generate_events(config)
    assert len(events) == len(events.user) == len(events.timestamp) == len(events.nll) == 9_000
    assert np.unique(events.user).tolist() == list(range(60))
    assert events.item.min() >= 0
    assert events.item.max() < 310
    same = np.diff(events.user) == 0
    assert (np.diff(events.user) >= 0).all()
    assert (np.diff(events.timestamp)[same] > 0).all()
    assert events.timestamp.min() >= START
    lengths = np.bincount(events.user)
    assert (np.ptp(lengths) <= 2) == (config.length_spread == 0)
    assert np.isfinite(events.nll).all()
    assert (events.nll > 0).all()
    assert (events.user_id[0], events.item_id[0]) == ("u0", f"i{events.item[0]}")


def test_the_same_for_the_same_seed() -> None:
    first, again, other = (generate_events(replace(SMALL, seed=seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.item, again.item)
    assert (first.item != other.item).any()


def test_reported_probabilities_are_those_of_the_draws() -> None:
    """With one cluster an item's frequency is its probability; with many, events with probability p occur so often."""
    one = generate_events(SyntheticEventsConfig(users=1, items=30, events=200_000, clusters=1, user_clusters=1))
    for item in range(30):
        share = np.mean(one.item == item)
        assert np.exp(-one.nll[one.item == item][0]) == pytest.approx(share, rel=0.1)
    # The mean of 1 / p over draws is the number of possible outcomes: 5 clusters of 15 or 16 items.
    events = generate_events(replace(SMALL, events=600_000, items=40, clusters=4, user_clusters=4, taste=1.0))
    assert np.mean(np.exp(events.nll.astype(np.float64))) == pytest.approx(40, rel=0.05)


def test_the_last_two_events_tell_the_next_and_differently_for_each_user() -> None:
    config = SyntheticEventsConfig(users=8, items=8, events=160_000, clusters=8, user_clusters=8, seed=1)
    events = generate_events(config)
    bayes = events.nll.mean()

    def loss(*context: np.ndarray) -> float:
        """Mean NLL of the next item given a context, by counting."""
        key = np.ravel_multi_index(context, (8,) * len(context)) if context else np.zeros(len(events), np.int64)
        counts = np.full((8 ** len(context), 8), 0.01)
        np.add.at(counts, (key, events.item), 1)
        share = counts / counts.sum(axis=1, keepdims=True)
        return float(-np.log(share[key, events.item]).mean())

    last, before = np.roll(events.item, 1), np.roll(events.item, 2)
    assert loss() > loss(events.user) > loss(events.user, last) > loss(events.user, last, before)
    assert loss(last, before) > loss(events.user, last)
    assert loss(events.user, last, before) == pytest.approx(bayes, rel=0.02)


def test_the_metric_is_the_mean_over_users() -> None:
    assert mean_by_user(np.array(["a", "a", "a", "b"]), np.array([1.0, 2.0, 3.0, 8.0], np.float32)) == 5.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("user_clusters=50", "user_clusters should be at most clusters, found 50 and 40"),
        ("events=10", "users should be at most events, found 200 and 10"),
        ("taste=-1", "taste should not be negative, found -1.0"),
        ("days=0", "days should be at least 1, found 0"),
        ("ratings=5", "expected an option of synthetic events (users, items, events, "),
    ],
)
def test_what_cannot_be_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011
        config_from_text(text, SyntheticEventsConfig, "synthetic events")
    assert str(error.value).startswith(said)
