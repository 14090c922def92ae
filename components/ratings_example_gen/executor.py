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
from rrn_tf.config import config_from_dict

DATA_CONFIG, DEAD_LETTERS = "data_config", "dead_letters"
INPUT_SPLIT = "ratings"


class Executor(base_example_gen_executor.BaseExampleGenExecutor):
    pass
