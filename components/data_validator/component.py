"""DataValidator is TFX's ExampleValidator with earlier statistics, a model's vocabulary and a choice to stop."""

from __future__ import annotations

from collections.abc import Sequence

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts, standard_component_specs
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.utils import json_utils

from components.data_validator.executor import (
    BASE_MODEL,
    EXAMPLES,
    GOOD_STATISTICS,
    MAX_AHEAD,
    MAX_NEW_ITEMS,
    MAX_NEW_USERS,
    STOP,
    TRAINING_STATISTICS,
    Executor,
)


class DataValidatorSpec(ComponentSpec):
    """Inputs, outputs and parameters of DataValidator: those of ExampleValidator, and more."""

    PARAMETERS = {
        **standard_component_specs.ExampleValidatorSpec.PARAMETERS,
        MAX_AHEAD: ExecutionParameter(type=float),
        MAX_NEW_USERS: ExecutionParameter(type=float),
        MAX_NEW_ITEMS: ExecutionParameter(type=float),
        STOP: ExecutionParameter(type=int),
    }
    INPUTS = {
        **standard_component_specs.ExampleValidatorSpec.INPUTS,
        EXAMPLES: ChannelParameter(type=standard_artifacts.Examples, optional=True),
        BASE_MODEL: ChannelParameter(type=standard_artifacts.Model, optional=True),
        GOOD_STATISTICS: ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
        TRAINING_STATISTICS: ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
    }
    OUTPUTS = standard_component_specs.ExampleValidatorSpec.OUTPUTS


class DataValidator(base_component.BaseComponent):
    """Finds anomalies of Examples, and stops the pipeline if it is told to.

    TensorFlow Data Validation compares statistics with the schema and, where the schema has comparators, with
    statistics of earlier data. It cannot see how much of a vocabulary is new, because statistics keep only the most
    frequent values: that alone is counted here, from the Examples.

    Output `anomalies` is that of TFX's ExampleValidator.
    """

    SPEC_CLASS = DataValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        statistics: BaseChannel,
        schema: BaseChannel,
        *,
        exclude_splits: Sequence[str] = (),
        examples: BaseChannel | None = None,
        base_model: BaseChannel | None = None,
        good_statistics: BaseChannel | None = None,
        training_statistics: BaseChannel | None = None,
        max_ahead: float = 86_400.0,
        max_new_users: float = 0.99,
        max_new_items: float = 0.5,
        stop: bool = False,
    ) -> None:
        """Declares the component.

        Args:
          statistics: output of StatisticsGen.
          schema: the schema; its `drift_comparator`s bound the distance to `good_statistics`, its `skew_comparator`s
            that to `training_statistics`.
          exclude_splits: splits that are not validated.
          examples: the Examples of `statistics`, needed with `base_model`.
          base_model: the model that the rows are to update; it tells which users and items are new, and the range of
            ratings unless the schema has one.
          good_statistics: statistics of the last good span; without them there is no drift.
          training_statistics: statistics of the training data; without them there is no skew.
          max_ahead: by how many seconds a time may lie after the present.
          max_new_users, max_new_items: the largest share of rows whose user or item the base model does not know.
          stop: whether an anomaly fails the component.
        """
        super().__init__(
            DataValidatorSpec(
                statistics=statistics,
                schema=schema,
                exclude_splits=json_utils.dumps(list(exclude_splits)),
                examples=examples,
                base_model=base_model,
                good_statistics=good_statistics,
                training_statistics=training_statistics,
                max_ahead=float(max_ahead),
                max_new_users=float(max_new_users),
                max_new_items=float(max_new_items),
                stop=int(stop),
                anomalies=Channel(type=standard_artifacts.ExampleAnomalies),
            )
        )
