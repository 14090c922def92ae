"""Every public layer keeps the shared contract."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rrn_tf.layers
from tests import contracts
from tests.layers.cases import CASES


def cases(slow: Callable[[str], bool] = lambda name: False, only: Callable[[str], bool] = lambda name: True) -> Any:
    """The cases as arguments; where they differ in little, all but one may be slow."""
    names = [pytest.param(name, marks=[pytest.mark.slow] * slow(name)) for name in CASES if only(name)]
    return pytest.mark.parametrize("name", names)


def test_every_public_layer_has_a_case() -> None:
    assert {name.split("-")[0] for name in CASES} == set(rrn_tf.layers.__all__)


@cases()
def test_equals_numpy_in_eager_and_graph(name: str) -> None:
    contracts.check_reference(CASES[name])


@cases()
def test_gradients_equal_finite_differences(name: str) -> None:
    contracts.check_gradients(CASES[name])


@cases(only=lambda name: CASES[name].poison is not None)
def test_nan_in_padding_reaches_neither_outputs_nor_gradients(name: str) -> None:
    contracts.check_padding(CASES[name])


@cases()
def test_config_round_trip(name: str) -> None:
    contracts.check_config_round_trip(CASES[name].make)


@cases()
@pytest.mark.parametrize("policy", sorted(contracts.HALF))
def test_mixed_precision(name: str, policy: str) -> None:
    contracts.check_mixed_precision(CASES[name], policy)


@cases(slow=lambda name: (name.startswith("StateTower-") and name != "StateTower-lstm") or name.endswith("-shared"))
def test_reloads(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    contracts.check_reloads(contracts.functional(case), case.tensors(), tmp_path)
