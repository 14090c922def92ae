"""Report writes a page of tables and figures, and leaderboards, from sequences and a model."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import Artifact, BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from components.report.executor import EVERYTHING, MODEL, MODEL_RUN, REPORT, SEQUENCES, Executor


class RatingReport(Artifact):
    """The artifact of `report.html` with its figures and tables; for ratings, of leaderboards and predictions too."""

    TYPE_NAME = "components.RatingReport"


class ReportSpec(ComponentSpec):
    """Inputs, outputs and parameters of Report."""

    PARAMETERS = {EVERYTHING: ExecutionParameter(type=int)}
    INPUTS = {
        SEQUENCES: ChannelParameter(type=standard_artifacts.Examples),
        MODEL: ChannelParameter(type=standard_artifacts.Model),
        MODEL_RUN: ChannelParameter(type=standard_artifacts.ModelRun),
    }
    OUTPUTS = {REPORT: ChannelParameter(type=RatingReport)}


class Report(base_component.BaseComponent):
    """Compares a model with the baselines, and shows what it has learned (see `rrn_tf.report`)."""

    SPEC_CLASS = ReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self, sequences: BaseChannel, model: BaseChannel, model_run: BaseChannel, *, everything: bool = False
    ) -> None:
        """Declares the component.

        Args:
          sequences: Examples of SequenceBuilder or EventSequenceBuilder; baselines are fitted on its training data.
          model: the model to report on, as the Trainer exported it.
          model_run: the Trainer's record of the training.
          everything: whether to fit the slow baselines too.
        """
        super().__init__(
            ReportSpec(
                sequences=sequences,
                model=model,
                model_run=model_run,
                everything=int(everything),
                report=Channel(type=RatingReport),
            )
        )
