"""Rows by time and by count, against loops over ratings."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from rrn_tf.data.rows import PendingSteps, SideRatings, number_rows, row_starts
from rrn_tf.data.steps import StepRule, level_thresholds, levels_of

CUTOFF, DAY = 1_000_000_000, 86_400


def random_ratings(rng: np.random.Generator, n: int = 400) -> SideRatings:
    """Of six entities, many of them in sittings and in one second, on both sides of the cutoff."""
    day, second = rng.integers(-8, 5, n), rng.integers(0, 12, n) * 60
    return SideRatings(
        entity=rng.integers(1, 7, n).astype(np.int32),
        opposite=rng.permutation(n).astype(np.int32),
        rating=np.ones(n, np.float32),
        timestamp=CUTOFF + day * DAY // 2 + second,
        split=np.zeros(n, np.uint8),
    )


def slow_rows(ratings: SideRatings, rule: StepRule) -> dict[int, int]:
    """Row of each rating by its opposite entity, which is a different one for each."""
    keys: dict[int, list[tuple[tuple[int, int], int]]] = {}
    for own, opposite, time in zip(ratings.entity, ratings.opposite, ratings.timestamp, strict=True):
        earlier = sum(
            int(other == own and then < time) for other, then in zip(ratings.entity, ratings.timestamp, strict=True)
        )
        level = (earlier**rule.per_doubling).bit_length() if rule.per_doubling else 0
        key = (math.floor((time - CUTOFF) / rule.granularity), level)
        keys.setdefault(int(own), []).append((key, int(opposite)))
    return {opposite: sorted({other for other, _ in own}).index(key) for own in keys.values() for key, opposite in own}


@pytest.mark.parametrize("per_doubling", [0, 1, 2, 3, 16])
def test_rows_equal_those_of_a_slow_count(per_doubling: int, rng: np.random.Generator) -> None:
    ratings, rule = random_ratings(rng), StepRule(DAY, per_doubling)
    order, row = number_rows(ratings, CUTOFF, rule)
    found = ratings.take(order)
    expected = slow_rows(ratings, rule)
    assert row.tolist() == [expected[int(opposite)] for opposite in found.opposite]
    starts = row_starts(found.entity, found.timestamp, CUTOFF, rule)
    for begin, end in itertools.pairwise([*starts, len(row)]):
        assert len(set(found.timestamp[begin:end] >= CUTOFF)) == 1
    seconds = found.entity.astype(np.int64) << 40 | found.timestamp
    assert all(len(set(row[seconds == second])) == 1 for second in np.unique(seconds))


@pytest.mark.parametrize("per_doubling", [0, 2, 5])
def test_later_ratings_go_on_from_the_open_rows(per_doubling: int, rng: np.random.Generator) -> None:
    """Cut at any rating, also of one second: rows are as in one pass, and the first is open where it goes on."""
    ratings, rule = random_ratings(rng), StepRule(DAY, per_doubling)
    order, row = number_rows(ratings, CUTOFF, rule)
    ratings, splits = ratings.take(order), np.flatnonzero(np.diff(ratings.entity[order], prepend=0))
    for cut in rng.choice(len(row), 60, replace=False):
        own = np.flatnonzero(ratings.entity == ratings.entity[cut])
        begin, last = splits[ratings.entity[cut] - 1], max(cut - 1, own[0])
        if last == cut:
            continue
        times, last_row = ratings.timestamp[begin:cut], row[begin:cut] == row[last]
        at = int((times == times[-1]).sum())
        step = (times[-1] - CUTOFF) // DAY
        values = [step, times[last_row][0], times[-1], len(times) - at, at]
        pending = PendingSteps(*(np.full(7, value, np.int64) for value in values))
        rest = ratings.take(np.arange(cut, own[-1] + 1))
        _, found = number_rows(rest, CUTOFF, rule, pending)
        first, entity = (rest.timestamp[:1] - CUTOFF) // DAY, rest.entity[:1]
        goes_on = pending.continued(entity, first, rest.timestamp[:1], per_doubling)
        assert goes_on.tolist() == [row[cut] == row[last]]
        np.testing.assert_array_equal(found, row[cut : own[-1] + 1] - row[cut])
        late = np.array([values[1] - 1])
        assert pending.are_after(entity, late, CUTOFF, StepRule(DAY, 1)).all()
        assert pending.continued(entity, np.array([step]), late, per_doubling).all()


@pytest.mark.parametrize("per_doubling", range(1, 17))
def test_thresholds_are_exact(per_doubling: int) -> None:
    counts = np.concatenate([np.arange(300), 2 ** np.arange(9, 35), 2 ** np.arange(9, 35) - 1])
    expected = [(int(count) ** per_doubling).bit_length() for count in counts]
    assert levels_of(counts, per_doubling).tolist() == expected
    assert (np.diff(level_thresholds(per_doubling)) >= 0).all()


def test_without_steps_by_count_there_is_one_level() -> None:
    assert levels_of(np.array([0, 1, 10**9]), 0).tolist() == [0, 0, 0]
