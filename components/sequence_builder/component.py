"""SequenceBuilder builds both sides' sequences from rating Examples of all splits."""

from __future__ import annotations

import json
from typing import Any

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from components.sequence_builder.executor import DATA_CONFIG, EXAMPLES, SEQUENCES, Executor


class SequenceBuilderSpec(ComponentSpec):
    """Inputs, outputs and parameters of SequenceBuilder."""

    PARAMETERS = {DATA_CONFIG: ExecutionParameter(type=str)}
    INPUTS = {EXAMPLES: ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {SEQUENCES: ChannelParameter(type=standard_artifacts.Examples)}


class SequenceBuilder(base_beam_component.BaseBeamComponent):
    """Groups ratings by user and by item into `tf.train.SequenceExample`s.

    Output `sequences` is an Examples artifact with the splits `user_sequences` and `item_sequences`, and with
    `metadata.json` and the vocabularies at its root.
    """

    SPEC_CLASS = SequenceBuilderSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, examples: BaseChannel, data_config: dict[str, Any]) -> None:
        """Declares the component.

        Args:
          examples: Examples of RatingsExampleGen; all splits are used, and each rating keeps its split.
          data_config: plain values of `rrn_tf.config.DataConfig`.
        """
        super().__init__(
            SequenceBuilderSpec(
                examples=examples,
                sequences=Channel(type=standard_artifacts.Examples),
                data_config=json.dumps(data_config, sort_keys=True),
            )
        )
