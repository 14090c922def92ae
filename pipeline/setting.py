"""The setting of a pipeline: paths of data, artifacts and models, and options of the orchestrator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration import pipeline as tfx_pipeline


@dataclass(frozen=True)
class Guards:
    """What counts as a fault of the data, beside the schema, and whether faults stop the pipeline.

    Attributes:
      stop: whether an anomaly stops the pipeline before the data are used.
      max_ahead: by how many seconds a time may lie after the present.
      max_new_users, max_new_items: the largest share of an update's rows whose user or item the model does not know.
      good, training: URIs of the statistics of the last good span and of the training data, if there are any.
    """

    stop: bool = False
    max_ahead: float = 86_400.0
    max_new_users: float = 0.99
    max_new_items: float = 0.5
    good: str | None = None
    training: str | None = None


@dataclass(frozen=True)
class PipelineSetting:
    """The paths and options that a runner passes to a pipeline, whatever its components.

    Attributes:
      name: the name of the pipeline, under which blessed models are looked up.
      root: directory or bucket of all artifacts.
      data_base, data_pattern: directory of the data and the file pattern below it.
      schema_file: schema of the Examples (`schemas/ratings.pbtxt` or `schemas/events.pbtxt`).
      serving_model_dir: directory to which blessed models are pushed, each as a new numbered version.
      dead_letters: directory of rejected rows; None keeps them inside the Examples artifact.
      metadata_connection_config: ML Metadata connection; None if the orchestrator has its own.
      beam_pipeline_args: Beam options, passed unchanged to every Beam component.
      enable_cache: whether to reuse a component's output if its inputs and parameters are unchanged.
      guards: what counts as a fault of the data.
    """

    name: str
    root: str
    data_base: str
    data_pattern: str
    schema_file: str
    serving_model_dir: str
    dead_letters: str | None = None
    metadata_connection_config: Any = None
    beam_pipeline_args: Sequence[str] = ()
    enable_cache: bool = True
    guards: Guards = Guards()

    def pipeline(self, components: Sequence[BaseNode]) -> tfx_pipeline.Pipeline:
        """Returns a pipeline of wired components with this setting."""
        return tfx_pipeline.Pipeline(
            pipeline_name=self.name,
            pipeline_root=self.root,
            components=list(components),
            enable_cache=self.enable_cache,
            metadata_connection_config=self.metadata_connection_config,
            beam_pipeline_args=list(self.beam_pipeline_args),
        )
