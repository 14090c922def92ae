"""Bayesian factors as baselines: frozen ones find what is there, online ones follow what moves, newcomers included."""

from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.baselines.ratings import BayesianFactors, GlobalMean, OnlineBayesianFactors, UserItemBias
from rrn_tf.baselines.ratings.protocol import validation_rmse
from rrn_tf.data.interactions import Interactions

USERS, ITEMS, DAY = 80, 50, 86_400


def drifting(rng: np.random.Generator, drift: float) -> tuple[Interactions, Interactions, Interactions]:
    """Training, validation and test ratings in order of time; biases walk, and a tenth of the users come late."""
    count, late = 6_000, USERS - USERS // 10
    time = np.sort(rng.integers(0, 100 * DAY, count))
    user = rng.integers(1, USERS + 1, count)
    user = np.where((user > late) & (time < 80 * DAY), rng.integers(1, late + 1, count), user)
    item = rng.integers(1, ITEMS + 1, count)
    p, q = rng.normal(0, 0.7, (USERS + 1, 2)), rng.normal(0, 0.7, (ITEMS + 1, 2))
    walk = np.cumsum(rng.normal(0, drift, (101, USERS + 1)), axis=0)
    rating = 3 + walk[time // DAY, user] + np.einsum("nk,nk->n", p[user], q[item]) + rng.normal(0, 0.5, count)
    columns = (user.astype(np.int32), item.astype(np.int32), rating.astype(np.float32), time)
    table = Interactions(*columns, USERS, ITEMS)
    cuts = np.searchsorted(time, [80 * DAY, 90 * DAY])
    return tuple(table.take(rows) for rows in np.split(np.arange(count), cuts))


def test_frozen_factors_beat_biases(rng: np.random.Generator) -> None:
    train, valid, test = drifting(rng, 0.0)
    known = np.isin(test.user, train.user)
    found = {}
    for model in (BayesianFactors(2), UserItemBias(), GlobalMean()):
        model.fit(train, valid.take(np.isin(valid.user, train.user)))
        predicted = model.predict(test.user, test.item, test.timestamp)
        found[model.name] = validation_rmse(train, test.take(known), predicted[known])
    assert found["Bayesian factors"] < 0.85 * found["user+item bias"]


def test_online_factors_follow_drift_and_newcomers(rng: np.random.Generator) -> None:
    train, valid, test = drifting(rng, 0.15)
    online, frozen = OnlineBayesianFactors(2).fit(train, valid), BayesianFactors(2).fit(train, valid.take(np.arange(0)))
    later = Interactions(
        *(np.concatenate(pair) for pair in zip(_columns(valid), _columns(test), strict=True)), USERS, ITEMS
    )
    predicted = online.predict_stream(later)
    np.testing.assert_array_equal(predicted, online.predict_stream(later))
    rows = np.arange(len(valid), len(later))
    left = frozen.predict(test.user, test.item, test.timestamp)
    assert validation_rmse(train, test, predicted[rows]) < 0.9 * validation_rmse(train, test, left)
    assert online.options is not None
    assert online.options.drift > 0
    with pytest.raises(ValueError, match="later than the last training rating"):
        online.predict_stream(train)


def test_predictions_come_from_strictly_earlier_seconds_alone(rng: np.random.Generator) -> None:
    train, valid, test = drifting(rng, 0.1)
    model = OnlineBayesianFactors(2).fit(train, valid)
    horizon = int(np.median(test.timestamp))
    changed = Interactions(
        test.user, test.item, np.where(test.timestamp >= horizon, 5, test.rating), test.timestamp, USERS, ITEMS
    )
    before, after = model.predict_stream(test), model.predict_stream(changed)
    np.testing.assert_array_equal(before[test.timestamp <= horizon], after[test.timestamp <= horizon])
    assert (before != after).any()


def test_is_fitted_before_it_is_used() -> None:
    with pytest.raises(RuntimeError, match="should be fitted"):
        _ = BayesianFactors().num_parameters


def _columns(table: Interactions) -> tuple[np.ndarray, ...]:
    return table.user, table.item, table.rating, table.timestamp
