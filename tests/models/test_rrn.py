"""The model as a whole: the shared contract, and names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rrn_tf.features import Side
from rrn_tf.models.rrn import INPUTS, RRN
from tests import contracts
from tests.contracts import Case


def make(**kwargs: Any) -> RRN:
    return RRN(3, 4, units=2, embedding=2, dynamic_units=2, stationary=2, **kwargs)


def eq_7(model: RRN, inputs: tuple) -> np.ndarray:
    user_state, item_state, user, item = inputs
    (user_kernel, user_bias), (item_kernel, item_bias) = (model.projection(side).get_weights() for side in Side)
    dynamic = (user_state @ user_kernel + user_bias) * (item_state @ item_kernel + item_bias)
    factors = (
        np.where(index[:, np.newaxis] > 0, model.factors(side).table.numpy()[index], 0)
        for side, index in ((Side.USER, user), (Side.ITEM, item))
    )
    return dynamic.sum(1) + np.multiply(*factors).sum(1)


def inputs(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    index = np.array([1, 0, 3, 2], np.int32), np.array([4, 2, 0, 1], np.int32)
    return rng.normal(size=(4, 2)), rng.normal(size=(4, 2)), *index


CASE = Case(make, inputs, eq_7)


def test_equals_numpy_in_eager_and_graph() -> None:
    contracts.check_reference(CASE)


@pytest.mark.parametrize("policy", sorted(contracts.HALF))
def test_mixed_precision(policy: str) -> None:
    contracts.check_mixed_precision(CASE, policy)


@pytest.mark.parametrize("fed", INPUTS)
def test_config_round_trip(fed: str) -> None:
    contracts.check_config_round_trip(lambda **kwargs: make(inputs=fed, time_feature="delta", cell="gru", **kwargs))


@pytest.mark.parametrize("fed", [INPUTS[0], *(pytest.param(fed, marks=pytest.mark.slow) for fed in INPUTS[1:])])
def test_reloads(fed: str, tmp_path: Path) -> None:
    case = Case(lambda **kwargs: make(inputs=fed, **kwargs), inputs, eq_7)
    contracts.check_reloads(case.layer(), case.tensors(), tmp_path)


def test_variables_have_names_that_tell_them_apart() -> None:
    names = [variable.name for variable in make().variables]
    assert len(set(names)) == len(names)
    assert "user_encoder/embedding:0" in names
    assert "emission/item_projection/bias:0" in names


@pytest.mark.parametrize("train", ["fit", "train_on_batch"])
def test_keras_is_not_let_train_it(train: str) -> None:
    model = make()
    model.compile("adam", "mse")
    with pytest.raises(
        TypeError, match=r"^RRN is trained in turns .*RRNRecommender.*training\.alternating\.train"
    ) as told:
        getattr(model, train)(CASE.tensors(), np.ones(4))
    assert "\n" not in str(told.value)
