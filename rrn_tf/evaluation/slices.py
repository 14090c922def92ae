"""Metrics by slice of the ratings."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rrn_tf.evaluation.metrics import mae, rmse


def month_of(timestamp: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Converts unix seconds int64[N] to months in UTC, such as ``"2013-05"``."""
    return timestamp.astype("datetime64[s]").astype("datetime64[M]").astype(str)


def slice_metrics(
    key: npt.NDArray[Any], predicted: npt.NDArray[np.floating], actual: npt.NDArray[np.floating]
) -> list[dict[str, Any]]:
    """Computes RMSE, MAE and number of ratings for each value of a key [N], in the key's order."""
    values, inverse = np.unique(key, return_inverse=True)
    return [
        {
            "slice": str(value),
            "rmse": rmse(predicted[inverse == number], actual[inverse == number]),
            "mae": mae(predicted[inverse == number], actual[inverse == number]),
            "n": int((inverse == number).sum()),
        }
        for number, value in enumerate(values)
    ]
