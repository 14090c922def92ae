"""Small matrices are inverted, on one core, and the number of cores is as it was afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from rrn_tf.factors.inverses import inverses


def cores() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_the_inverse_on_one_core(dtype: Any, rng: np.random.Generator) -> None:
    before: Any = rng.normal(size=(20, 30, 9)).astype(dtype)
    matrices = np.einsum("nki,nkj->nij", before, before) + np.eye(9, dtype=dtype)
    with threadpool_limits(1, user_api="blas"):
        expected = np.linalg.inv(matrices)
    found = inverses(matrices)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)


def test_the_number_of_cores_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    during: list[list[int]] = []
    monkeypatch.setattr("rrn_tf.factors.inverses.np.linalg.inv", lambda matrices: during.append(cores()))
    with threadpool_limits(2, user_api="blas"):
        before = cores()
        inverses(np.eye(2)[np.newaxis])
        assert cores() == before
    assert 1 in during[0]  # NumPy's; another library may have been loaded since
