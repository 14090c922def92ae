from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from rrn_tf.evaluation.event_metrics import (
    discounted_gains,
    entropy_bins,
    hits,
    nll,
    nll_difference,
    over_users,
    reciprocal_ranks,
    training_entropy,
)
from rrn_tf.evaluation.event_protocols import CLEAN, INTERLEAVED, scored_positions
from rrn_tf.features import Split
from tests.events import sequences_of, uniform_events


def test_by_hand() -> None:
    # Users of 1 and 2 events: NLL 1 and (2 + 4) / 2; the mean over users, not over events.
    found = nll(np.array([-1.0, -2.0, -4.0]), np.array([5, 8, 8]))
    assert found.value == pytest.approx(2.0)
    assert found.standard_error == pytest.approx(np.std([1, 3], ddof=1) / np.sqrt(2))


def test_metrics_are_those_of_plain_python() -> None:
    rng = np.random.default_rng(0)
    user, rank = rng.integers(0, 12, 200), rng.integers(1, 60, 200) / 2 + 0.5
    references = {
        "hit": (lambda r: float(r <= 10), hits(rank, 10)),
        "mrr": (lambda r: 1 / r, reciprocal_ranks(rank)),
        "ndcg": (lambda r: 1 / math.log2(1 + r) if r <= 10 else 0.0, discounted_gains(rank, 10)),
    }
    for plain, values in references.values():
        by_user = [np.mean([plain(r) for r, owner in zip(rank, user, strict=True) if owner == u]) for u in set(user)]
        found = over_users(values, user)
        assert found.value == pytest.approx(np.mean(by_user))
        assert found.standard_error == pytest.approx(np.std(by_user, ddof=1) / np.sqrt(len(by_user)))


def test_paired_difference() -> None:
    rng = np.random.default_rng(1)
    user = np.repeat(np.arange(300), 3)
    first = -5 - rng.standard_normal(300)[user] - 0.1 * rng.standard_normal(900)
    second = first - 0.2 + 0.1 * rng.standard_normal(900)
    difference = nll_difference(first, second, user)
    assert difference.value == pytest.approx(nll(first, user).value - nll(second, user).value)
    assert difference.value == pytest.approx(-0.2, abs=0.02)
    # Users differ far more than the models do on one user.
    assert difference.standard_error < 0.1 * nll(first, user).standard_error
    assert nll_difference(first, first, user) == (0.0, 0.0)
    with pytest.raises(ValueError, match="one shape"):
        nll_difference(first, second[:1], user)


def test_few_users_have_no_standard_error() -> None:
    assert nll(np.array([-1.0]), np.array([1])).value == 1
    assert np.isnan(nll(np.array([-1.0]), np.array([1])).standard_error)
    assert np.isnan(nll(np.zeros(0), np.zeros(0, int)).value)


def test_what_is_no_rank_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 1, received 0\.0"):
        hits(np.array([0.0, 1.0]), 10)


def test_entropy_is_that_of_plain_python() -> None:
    sequences = uniform_events(0)
    found = training_entropy(sequences)
    assert found.shape == (sequences.num_users + 1,)
    assert found[0] == 0
    for user in range(1, sequences.num_users + 1):
        mine = sequences.item[(sequences.user == user) & (sequences.split == Split.TRAIN)]
        shares = [count / len(mine) for count in Counter(mine.tolist()).values()]
        assert found[user] == pytest.approx(-sum(share * math.log(share) for share in shares))


def test_bins_hold_equal_numbers_in_order() -> None:
    entropy = np.random.default_rng(0).permutation(20) / 7
    found = entropy_bins(entropy)
    assert sorted(np.bincount(found)) == [6, 7, 7]
    for low, high in ((0, 1), (1, 2)):
        assert entropy[found == low].max() < entropy[found == high].min()
    np.testing.assert_array_equal(entropy_bins(np.zeros(6)), [0, 0, 1, 1, 2, 2])
    assert len(entropy_bins(np.zeros(0))) == 0


def test_protocols_differ_by_the_first_event_of_each_user() -> None:
    sequences = sequences_of([[1, 2, 3, 1, 2], [2, 1, 3], [3, 1, 2]], [(1, 3), (1, 1), (0, 0)], 3)
    np.testing.assert_array_equal(scored_positions(sequences, Split.TEST), [2, 3, 4, 7])
    np.testing.assert_array_equal(scored_positions(sequences, Split.TEST, INTERLEAVED), [3, 4])
    np.testing.assert_array_equal(scored_positions(sequences, Split.VALID, CLEAN), [1, 6])
    assert len(scored_positions(sequences, Split.VALID, INTERLEAVED)) == 0
    with pytest.raises(ValueError, match="one of clean, interleaved, received 'frozen'"):
        scored_positions(sequences, Split.TEST, "frozen")
