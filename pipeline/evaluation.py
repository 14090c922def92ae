"""The Evaluator's metrics, and its thresholds for blessing a model."""

from __future__ import annotations

import sys

import tensorflow_model_analysis as tfma

from rrn_tf import features

RMSE = "root_mean_squared_error"


def eval_config(max_rmse: float | None, max_rmse_increase: float) -> tfma.EvalConfig:
    """Returns metrics (RMSE, MAE and counts, overall and by user activity and month) and thresholds on overall RMSE.

    Args:
      max_rmse: upper bound of the RMSE, in rating units; None allows any finite one.
      max_rmse_increase: tolerated increase over the latest blessed model's RMSE, in rating units.
        TFMA ignores it for a first model.
    """
    change = tfma.GenericChangeThreshold(
        direction=tfma.MetricDirection.LOWER_IS_BETTER, absolute={"value": max_rmse_increase}
    )
    # A value threshold is always set: TFMA drops a first model's change threshold, and blesses nothing without any.
    bound = sys.float_info.max if max_rmse is None else max_rmse
    threshold = tfma.MetricThreshold(
        change_threshold=change, value_threshold=tfma.GenericValueThreshold(upper_bound={"value": bound})
    )
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(signature_name="serving_default", label_key=features.RATING, prediction_key=features.RATING)
        ],
        metrics_specs=[
            tfma.MetricsSpec(
                metrics=[
                    # A plain `threshold` would apply to every slice, even to a month of five ratings.
                    tfma.MetricConfig(
                        class_name="RootMeanSquaredError",
                        per_slice_thresholds=[
                            tfma.PerSliceMetricThreshold(slicing_specs=[tfma.SlicingSpec()], threshold=threshold)
                        ],
                    ),
                    tfma.MetricConfig(class_name="MeanAbsoluteError"),
                    tfma.MetricConfig(class_name="ExampleCount"),
                ]
            )
        ],
        slicing_specs=[
            tfma.SlicingSpec(),
            tfma.SlicingSpec(feature_keys=[features.USER_ACTIVITY]),
            tfma.SlicingSpec(feature_keys=[features.MONTH]),
        ],
    )
