"""The start of the stationary factors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rrn_tf.baselines.ratings import AutoRec, UserItemBias, fit_pmf
from rrn_tf.config import TrainingConfig, config_from_dict
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.models.rrn import RRN
from rrn_tf.training.alternating import make_model
from rrn_tf.training.pretraining import pretrain_factors


@pytest.fixture(scope="module")
def sequences(prepared_dir: Path) -> RatingSequences:
    return load_sequences(prepared_dir)


def untrained(sequences: RatingSequences, factors: int) -> RRN:
    sizes = {"units": 2, "embedding": 2, "dynamic": 2, "stationary": factors}
    return make_model(config_from_dict({"model": sizes}), sequences)


def tables(model: RRN) -> list[np.ndarray]:
    return [model.factors(side).table.numpy() for side in SIDES]


def started(sequences: RatingSequences, factors: int, config: TrainingConfig) -> list[np.ndarray]:
    model = untrained(sequences, factors)
    pretrain_factors(model, lambda: sequences, config)
    return tables(model)


@pytest.mark.parametrize("factors", [2, 6])
def test_u_autorec_factors_give_its_prediction_less_the_mean(sequences: RatingSequences, factors: int) -> None:
    config = TrainingConfig(pretraining="u-autorec", pretraining_l2=10.0, seed=3)
    users, items = started(sequences, factors, config)
    train, valid = (sequences.interactions([split]) for split in (Split.TRAIN, Split.VALID))
    autorec = AutoRec(Side.USER, hidden=factors - 1, l2=10.0, seed=3).fit(train, valid)
    user, item = (1 + index.ravel() for index in np.indices((train.num_users, train.num_items)))
    deviation = autorec.predict(user, item) - sequences.metadata.rating_mean
    assert deviation.std() > 0.1
    np.testing.assert_allclose((users[user] * items[item]).sum(1), deviation, atol=1e-5)
    np.testing.assert_array_equal(users[1:, -1], 1)
    assert not users[0].any()
    assert not items[0].any()


def test_biases_fill_two_factors_and_leave_the_rest_small(sequences: RatingSequences) -> None:
    users, items = started(sequences, 5, TrainingConfig(pretraining="bias"))
    train, valid = (sequences.interactions([split]) for split in (Split.TRAIN, Split.VALID))
    fitted = UserItemBias().fit(train, valid)
    np.testing.assert_array_equal(users[:, 0], fitted.user_bias)
    np.testing.assert_array_equal(items[:, 1], fitted.item_bias)
    assert (users[:, 1] == 1).all()
    assert (items[:, 0] == 1).all()
    for table in (users, items):
        assert 0 < np.abs(table[:, 2:]).max() < 0.1


def test_pmf_factors_are_those_of_the_centred_ratings(sequences: RatingSequences) -> None:
    found = started(sequences, 3, TrainingConfig(pretraining="pmf", pretraining_l2=0.2, seed=4))
    train = sequences.interactions([Split.TRAIN])
    rating = train.rating - np.float32(sequences.metadata.rating_mean)
    expected = fit_pmf(train.user, train.item, rating, train.num_users, train.num_items, 3, 0.2, 10, seed=4)
    for table, factors in zip(found, expected, strict=True):
        np.testing.assert_allclose(table, factors, atol=1e-5)


@pytest.mark.parametrize(("pretraining", "factors"), [("none", 3), ("u-autorec", 0), ("bias", 0), ("pmf", 0)])
def test_nothing_to_start(sequences: RatingSequences, pretraining: str, factors: int) -> None:
    model = untrained(sequences, factors)
    before = tables(model)
    pretrain_factors(model, lambda: sequences, TrainingConfig(pretraining=pretraining))  # type: ignore[arg-type]
    for left, right in zip(before, tables(model), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("pretraining", ["bias", "u-autorec"])
def test_too_few_factors_are_refused(sequences: RatingSequences, pretraining: str) -> None:
    said = f"pretraining '{pretraining}' should have at least 2 stationary factors, received 1"
    with pytest.raises(ValueError, match=said):
        started(sequences, 1, TrainingConfig(pretraining=pretraining))  # type: ignore[arg-type]
