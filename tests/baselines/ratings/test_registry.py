"""What every baseline of ratings keeps to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rrn_tf.baselines.ratings import AutoRec, Baseline, BayesianFactors, GlobalMean, TimeSVDpp
from rrn_tf.baselines.ratings.registry import standard_baselines, standard_online_baselines
from rrn_tf.features import Side
from tests.baselines.ratings.test_bias import EMPTY, additive, error

# Those whose search takes long, smaller.
SMALLER: dict[str, Callable[[], Baseline]] = {
    "TimeSVD++": lambda: TimeSVDpp(factors=4, factor_l2=10.0, drift_l2=10.0, max_epochs=5),
    "Bayesian factors": lambda: BayesianFactors(factors=2),
    "I-AutoRec": lambda: AutoRec(Side.ITEM, hidden=20, l2=10.0, max_epochs=10),
    "U-AutoRec": lambda: AutoRec(Side.USER, hidden=20, l2=10.0, max_epochs=10),
}
NAMES = [model.name for model in standard_baselines()]


def small(name: str) -> Baseline:
    """A new, unfitted baseline of the leaderboard."""
    if name in SMALLER:
        return SMALLER[name]()
    return next(model for model in standard_baselines() if model.name == name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("with_validation", [True, False])
def test_every_baseline_keeps_the_protocol(name: str, with_validation: bool) -> None:
    model, train, test = small(name), additive(1, 2000), additive(3, 300)
    assert model.fit(train, additive(2, 300) if with_validation else EMPTY) is model
    predicted = model.predict(test.user, test.item, test.timestamp)
    assert predicted.dtype == np.float32
    assert predicted.shape == (300,)
    np.testing.assert_array_equal(predicted[7:8], model.predict(test.user[7:8], test.item[7:8], test.timestamp[7:8]))
    zeros = np.zeros(2, np.int32)
    np.testing.assert_allclose(model.predict(zeros, zeros, zeros), train.rating.mean(), rtol=1e-5)
    assert model.num_parameters >= 1
    assert error(model, test) <= error(GlobalMean().fit(train, EMPTY), test)


def test_names_of_the_leaderboard() -> None:
    assert set(NAMES) == {"global mean", "user+item bias", "PMF raw", "PMF centred", *SMALLER}
    online = [model.name for model in standard_online_baselines()]
    assert set(online) == {"online bias", "online MF", "online Bayesian factors"}
