"""Executor of RatingsExampleGen."""

from __future__ import annotations

import json
from typing import Any

import apache_beam as beam
from google.protobuf import struct_pb2
from tfx.components.example_gen import base_example_gen_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from rrn_tf.beam.errors import surfaced_errors
from rrn_tf.config import DataConfig, config_from_dict
from rrn_tf.features import Split

DATA_CONFIG, DEAD_LETTERS = "data_config", "dead_letters"
INPUT_SPLIT = "ratings"
REJECTED = "rejected_rows"


class Executor(base_example_gen_executor.BaseExampleGenExecutor):
    """Reads, validates and splits ratings with the transforms of `rrn_tf.beam`."""

    def GetInputSourceToExamplePTransform(self) -> beam.PTransform:  # noqa: N802
        """Unused: no transform of one input split can split by time."""
        raise NotImplementedError

    def GenerateExamplesByBeam(  # noqa: N802
        self, pipeline: beam.Pipeline, exec_properties: dict[str, Any]
    ) -> dict[str, beam.PCollection]:
        """One collection of serialized rating `tf.Example`s a split."""
        raise NotImplementedError
