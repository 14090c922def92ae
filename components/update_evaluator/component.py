"""UpdateEvaluator: what an update reports in, a blessing out."""

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
    """Blesses an updated model that took something in and foresaw it about as well as its base, or better."""

    SPEC_CLASS = UpdateEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, update: BaseChannel, *, max_increase: float) -> None:
        """Declares the component.

        Args:
          update: output of StateUpdater.
          max_increase: how much worse the new ratings may be predicted as they came in, each before it was revealed,
            than by the base model's frozen states: by RMSE, in rating units; of events each known user's last one, by
            its loss, in nats.
        """
        super().__init__(
            UpdateEvaluatorSpec(
                update=update,
                max_increase=max_increase,
                blessing=Channel(type=standard_artifacts.ModelBlessing),
            )
        )
