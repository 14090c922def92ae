"""The Evaluator's metrics, and its thresholds for blessing a model."""

from __future__ import annotations

import sys

# Not from tensorflow_model_analysis itself, which exports the messages up to 0.47 alone.
from tensorflow_model_analysis.proto import config_pb2

from rrn_tf import features

RMSE = "root_mean_squared_error"


def eval_config(max_rmse: float | None, max_rmse_increase: float) -> config_pb2.EvalConfig:
    """Returns metrics (RMSE, MAE and counts, overall and by user activity and month) and thresholds on overall RMSE.

    Args:
      max_rmse: upper bound of the RMSE, in rating units; None allows any finite one.
      max_rmse_increase: tolerated increase over the latest blessed model's RMSE, in rating units.
        TFMA ignores it for a first model.
    """
    change = config_pb2.GenericChangeThreshold(
        direction=config_pb2.MetricDirection.LOWER_IS_BETTER, absolute={"value": max_rmse_increase}
    )
    # A value threshold is always set: TFMA drops a first model's change threshold, and blesses nothing without any.
    bound = sys.float_info.max if max_rmse is None else max_rmse
    threshold = config_pb2.MetricThreshold(
        change_threshold=change, value_threshold=config_pb2.GenericValueThreshold(upper_bound={"value": bound})
    )
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                signature_name="serving_default", label_key=features.RATING, prediction_key=features.RATING
            )
        ],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[
                    # A plain `threshold` would apply to every slice, even to a month of five ratings.
                    config_pb2.MetricConfig(
                        class_name="RootMeanSquaredError",
                        per_slice_thresholds=[
                            config_pb2.PerSliceMetricThreshold(
                                slicing_specs=[config_pb2.SlicingSpec()], threshold=threshold
                            )
                        ],
                    ),
                    config_pb2.MetricConfig(class_name="MeanAbsoluteError"),
                    config_pb2.MetricConfig(class_name="ExampleCount"),
                ]
            )
        ],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            config_pb2.SlicingSpec(feature_keys=[features.USER_ACTIVITY]),
            config_pb2.SlicingSpec(feature_keys=[features.MONTH]),
        ],
    )
