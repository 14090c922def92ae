"""UpdateEvaluator decides by the figures of an update whether to bless the updated model."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from components.state_updater.component import StateUpdate
from components.update_evaluator.executor import BLESSING, MAX_INCREASE, UPDATE, Executor


class UpdateEvaluatorSpec(ComponentSpec):
    """Inputs, outputs and parameters of UpdateEvaluator."""

    PARAMETERS = {MAX_INCREASE: ExecutionParameter(type=float)}
    INPUTS = {UPDATE: ChannelParameter(type=StateUpdate)}
    OUTPUTS = {BLESSING: ChannelParameter(type=standard_artifacts.ModelBlessing)}


class UpdateEvaluator(base_component.BaseComponent):
    """Blesses an updated model if it has new rows, and predicted them at most slightly worse than its base model."""

    SPEC_CLASS = UpdateEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, update: BaseChannel, *, max_increase: float) -> None:
        """Declares the component.

        Args:
          update: output of StateUpdater.
          max_increase: by how much the error on the new ratings, each predicted before it is revealed, may exceed that
            of the base model's frozen states: as RMSE in rating units or, for each known user's last event, as loss
            in nats.
        """
        super().__init__(
            UpdateEvaluatorSpec(
                update=update,
                max_increase=max_increase,
                blessing=Channel(type=standard_artifacts.ModelBlessing),
            )
        )
