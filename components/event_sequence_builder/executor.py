"""Executor of EventSequenceBuilder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2

from components.sequence_builder import executor as ratings_executor
from components.sequence_builder.executor import decode_examples, split_folder
from rrn_tf import features
from rrn_tf.beam.sequences.build_events import BuildEvents
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import config_from_dict
from rrn_tf.features import Side


class Executor(ratings_executor.Executor):
    """Decodes event Examples into column batches and passes them to `BuildEvents`."""

    SIDES = (Side.USER,)

    @staticmethod
    def decode(file: str, _split: str) -> Iterator[pa.RecordBatch]:
        return decode_examples(file, features.POSITION, schema_pb2.INT)

    @staticmethod
    def transform(data_config: dict[str, Any], directory: str, rejected: beam.PCollection) -> beam.PTransform:
        config = config_from_dict({"data": data_config}, CollaborativeConfig).data
        return BuildEvents(config, directory, folder=split_folder(Side.USER), rejected=rejected)
