"""What a runner tells any pipeline: where data, artifacts and models lie, and how it is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration import pipeline as tfx_pipeline


@dataclass(frozen=True)
class PipelineSetting:
    """Where a pipeline runs, whatever its components.

    Attributes:
      name: of the pipeline; blessed models are looked up under it.
      root: directory or bucket of all artifacts.
      data_base, data_pattern: directory of the data and the file pattern below it.
      schema_file: schema of the Examples (`schemas/ratings.pbtxt` or `schemas/events.pbtxt`).
      serving_model_dir: where a blessed model is pushed, one numbered version a push.
      text_format: of events, a name of `rrn_tf.data.formats` for files without a header.
      dead_letters: directory of rejected rows; None keeps them inside the Examples artifact.
      metadata_connection_config: ML Metadata connection; None where the orchestrator brings its own.
      beam_pipeline_args: Beam options, passed to every Beam component untouched.
      enable_cache: reuse a component's output when its inputs and parameters are unchanged.
    """

    name: str
    root: str
    data_base: str
    data_pattern: str
    schema_file: str
    serving_model_dir: str
    text_format: str = ""
    dead_letters: str | None = None
    metadata_connection_config: Any = None
    beam_pipeline_args: Sequence[str] = ()
    enable_cache: bool = True

    def pipeline(self, components: Sequence[BaseNode]) -> tfx_pipeline.Pipeline:
        """Components, wired already, as a pipeline in this place."""
        return tfx_pipeline.Pipeline(
            pipeline_name=self.name,
            pipeline_root=self.root,
            components=list(components),
            enable_cache=self.enable_cache,
            metadata_connection_config=self.metadata_connection_config,
            beam_pipeline_args=list(self.beam_pipeline_args),
        )
