"""EventEvaluator computes a model's loss on held-out events, and decides whether to bless the model."""

from __future__ import annotations

import sys

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import Artifact, BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from components.event_evaluator.executor import (
    BASELINE_MODEL,
    BLESSING,
    EVALUATION,
    MAX_NLL,
    MAX_NLL_INCREASE,
    MODEL,
    SEQUENCES,
    Executor,
)


class EventReport(Artifact):
    """The artifact of `leaderboard.json` and `leaderboard.md` of one model."""

    TYPE_NAME = "components.EventReport"


class EventEvaluatorSpec(ComponentSpec):
    """Inputs, outputs and parameters of EventEvaluator."""

    PARAMETERS = {MAX_NLL: ExecutionParameter(type=float), MAX_NLL_INCREASE: ExecutionParameter(type=float)}
    INPUTS = {
        SEQUENCES: ChannelParameter(type=standard_artifacts.Examples),
        MODEL: ChannelParameter(type=standard_artifacts.Model),
        BASELINE_MODEL: ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {
        EVALUATION: ChannelParameter(type=EventReport),
        BLESSING: ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class EventEvaluator(base_component.BaseComponent):
    """Compares a Collaborative RNN with n-grams and with the latest blessed model on the last held-out events."""

    SPEC_CLASS = EventEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        sequences: BaseChannel,
        model: BaseChannel,
        baseline_model: BaseChannel | None = None,
        *,
        max_nll: float | None = None,
        max_nll_increase: float = 0.005,
    ) -> None:
        """Declares the component.

        Args:
          sequences: Examples of EventSequenceBuilder.
          model: the model to evaluate.
          baseline_model: the latest blessed model, if any.
          max_nll: a model with a larger loss, in nats, is not blessed; None allows any finite loss.
          max_nll_increase: tolerated increase of the loss over the latest blessed model, in nats.
        """
        super().__init__(
            EventEvaluatorSpec(
                sequences=sequences,
                model=model,
                baseline_model=baseline_model,
                max_nll=sys.float_info.max if max_nll is None else max_nll,
                max_nll_increase=max_nll_increase,
                evaluation=Channel(type=EventReport),
                blessing=Channel(type=standard_artifacts.ModelBlessing),
            )
        )
