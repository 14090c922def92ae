"""Report writes a leaderboard from sequences and a model."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import Artifact, BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter

from components.report.executor import MODEL, REPORT, SEQUENCES, Executor


class RatingReport(Artifact):
    """The artifact of `leaderboard.json`, `leaderboard.md` and `predictions.parquet` of one model."""

    TYPE_NAME = "components.RatingReport"


class ReportSpec(ComponentSpec):
    """Inputs and outputs of Report."""

    PARAMETERS: dict[str, object] = {}
    INPUTS = {
        SEQUENCES: ChannelParameter(type=standard_artifacts.Examples),
        MODEL: ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {REPORT: ChannelParameter(type=RatingReport)}


class Report(base_component.BaseComponent):
    """Compares a model with the baselines on the test ratings."""

    SPEC_CLASS = ReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, sequences: BaseChannel, model: BaseChannel) -> None:
        """Declares the component.

        Args:
          sequences: Examples of SequenceBuilder; baselines are fitted on its training ratings.
          model: the model to report on; it predicts by its `predict` signature.
        """
        super().__init__(ReportSpec(sequences=sequences, model=model, report=Channel(type=RatingReport)))
