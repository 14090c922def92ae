"""Executor of RatingsExampleGen."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from google.protobuf import struct_pb2
from tfx.components.example_gen import base_example_gen_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from rrn_tf import features
from rrn_tf.beam.encoding.examples import to_examples
from rrn_tf.beam.reading import read_ratings
from rrn_tf.beam.reading.dead_letters import WriteDeadLetters
from rrn_tf.beam.reading.errors import surfaced_errors
from rrn_tf.beam.reading.files import replacing
from rrn_tf.beam.reading.read_ratings import ReadRatings
from rrn_tf.beam.splitting import time_split
from rrn_tf.beam.splitting.time_split import SplitByTime
from rrn_tf.config import config_from_dict
from rrn_tf.data.prepared import DEAD_LETTERS_FILE
from rrn_tf.data.reading import record_batches
from rrn_tf.features import Split

DATA_CONFIG, DEAD_LETTERS = "data_config", "dead_letters"
INPUT_SPLIT = "ratings"
REJECTED_FILE = "rejected.json"


class Executor(base_example_gen_executor.BaseExampleGenExecutor):
    """Reads, validates and splits ratings with the transforms of `rrn_tf.beam`."""

    def GetInputSourceToExamplePTransform(self) -> beam.PTransform:  # noqa: N802
        """Raises, because it is not used: a transform of a single input split cannot split by time."""
        raise NotImplementedError

    def Do(  # noqa: N802
        self, input_dict: dict[str, list[Any]], output_dict: dict[str, list[Any]], exec_properties: dict[str, Any]
    ) -> None:
        """Runs the component.

        Args:
          input_dict: none.
          output_dict: `examples`.
          exec_properties: `input_base`, `input_config`, `output_config` and `custom_config`.

        Raises:
          BadInputError: for data that cannot be used, in one line.
        """
        self._root = artifact_utils.get_single_uri(output_dict[standard_component_specs.EXAMPLES_KEY])
        with surfaced_errors():
            super().Do(input_dict, output_dict, exec_properties)

    def GenerateExamplesByBeam(  # noqa: N802
        self, pipeline: beam.Pipeline, exec_properties: dict[str, Any]
    ) -> dict[str, beam.PCollection]:
        """Returns a collection of serialized rating `tf.Example`s per split; rejected rows go to the dead letters.

        Args:
          pipeline: the Beam pipeline to add transforms to.
          exec_properties: see `Do`.
        """
        values = settings(exec_properties)
        config = config_from_dict({"data": json.loads(values[DATA_CONFIG])}).data
        read = pipeline | ReadRatings(source_pattern(exec_properties), data_format=config.format)
        ratings = read[read_ratings.RATINGS] | SplitByTime(config.split)
        rejected = (ratings[time_split.REJECTED], read[read_ratings.REJECTED]) | "AllRejected" >> beam.Flatten()
        letters = WriteDeadLetters(self._dead_letters(values), config.max_bad_share, read[read_ratings.ROWS])
        self._keep_counts(rejected | letters)
        return {
            part.label: ratings[time_split.RATINGS]
            | f"Choose[{part.label}]" >> beam.FlatMap(_choose, part)
            | f"Encode[{part.label}]" >> beam.FlatMap(to_examples)
            for part in Split
        }

    def _dead_letters(self, values: dict[str, str]) -> str:
        """Returns the path of the file of rejected rows."""
        return posixpath.join(values[DEAD_LETTERS] or self._root, DEAD_LETTERS_FILE)

    def _keep_counts(self, counts: beam.PCollection) -> None:
        """Writes the numbers of rejected rows by reason beside the Examples."""
        _ = counts | "WriteCounts" >> beam.Map(_write_counts, posixpath.join(self._root, REJECTED_FILE))


def source_pattern(exec_properties: dict[str, Any]) -> str:
    """Returns the pattern of the files to read."""
    source = example_gen_pb2.Input()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.INPUT_CONFIG_KEY], source)
    return posixpath.join(exec_properties[standard_component_specs.INPUT_BASE_KEY], source.splits[0].pattern)


def settings(exec_properties: dict[str, Any]) -> dict[str, str]:
    """Returns the component's settings besides its input, by name; all are strings."""
    custom_config, packed = example_gen_pb2.CustomConfig(), struct_pb2.Struct()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY], custom_config)
    custom_config.custom_config.Unpack(packed)
    return dict(packed.items())


def _choose(batch: pa.RecordBatch, part: Split) -> Iterator[pa.RecordBatch]:
    chosen = record_batches.numbers(batch, features.SPLIT) == part
    if chosen.any():
        yield record_batches.take(batch, chosen)


def _write_counts(counts: dict[str, int], path: str) -> None:
    with replacing(path) as file:
        file.write(json.dumps(counts).encode())
