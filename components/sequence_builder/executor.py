"""Executor of SequenceBuilder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx_bsl.coders import example_coder

from components.example_files import split_files
from components.ratings_example_gen.executor import REJECTED_FILE
from rrn_tf import features
from rrn_tf.beam.reading.errors import surfaced_errors
from rrn_tf.beam.sequences.build_sequences import BuildSequences
from rrn_tf.config import config_from_dict
from rrn_tf.features import SIDES, Side, Split

EXAMPLES, SEQUENCES, DATA_CONFIG = "examples", "sequences", "data_config"
_DECODE_BATCH = 1 << 16


class Executor(base_beam_executor.BaseBeamExecutor):
    """Decodes rating Examples into column batches and passes them to `BuildSequences`."""

    SIDES: tuple[Side, ...] = SIDES

    def Do(  # noqa: N802
        self, input_dict: dict[str, list[Any]], output_dict: dict[str, list[Any]], exec_properties: dict[str, Any]
    ) -> None:
        """Runs the component.

        Args:
          input_dict: `examples`.
          output_dict: `sequences`.
          exec_properties: `data_config`, JSON text.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict[EXAMPLES])
        sequences = artifact_utils.get_single_instance(output_dict[SEQUENCES])
        with fileio.open(f"{examples.uri}/{REJECTED_FILE}") as file:
            rejected = json.loads(file.read())
        with surfaced_errors(), self._make_beam_pipeline() as pipeline:
            batches = [
                pipeline
                | f"Files[{split}]" >> beam.Create(split_files(examples, split))
                | f"Reshuffle[{split}]" >> beam.Reshuffle()
                | f"Decode[{split}]" >> beam.FlatMap(self.decode, split)
                for split in artifact_utils.decode_split_names(examples.split_names)
            ]
            counts = pipeline | "Rejected" >> beam.Create([rejected])
            build = self.transform(json.loads(exec_properties[DATA_CONFIG]), sequences.uri, counts)
            _ = batches | beam.Flatten() | build
        sequences.split_names = artifact_utils.encode_split_names([side.sequences for side in self.SIDES])
        examples_utils.set_payload_format(sequences, example_gen_pb2.FORMAT_TF_SEQUENCE_EXAMPLE)

    @staticmethod
    def decode(file: str, split: str) -> Iterator[pa.RecordBatch]:
        """Yields the batches of a file of one split of the Examples."""
        return decode_ratings(file, Split[split.upper()])

    @staticmethod
    def transform(data_config: dict[str, Any], directory: str, rejected: beam.PCollection) -> beam.PTransform:
        """Returns the transform that writes the sequences of all batches into a directory."""
        config = config_from_dict({"data": data_config}).data
        folders = {side: split_folder(side) for side in SIDES}
        return BuildSequences(config, directory, folders=folders, rejected=rejected)


def split_folder(side: Side) -> str:
    """Returns the folder of a side's sequences in an Examples artifact."""
    return f"Split-{side.sequences}"


def decode_ratings(file: str, split: Split) -> Iterator[pa.RecordBatch]:
    """Yields a TFRecord file's ratings in batches: flat columns user_id, item_id, rating, timestamp and split.

    Args:
      file: gzipped TFRecords of rating `tf.Example`s.
      split: the split of all of the file's ratings.

    Raises:
      ValueError: for an Example that lacks one of the values, or has several.
    """
    for batch in decode_examples(file, features.RATING, schema_pb2.FLOAT):
        split_column = pa.array(np.full(batch.num_rows, split, np.uint8))
        yield pa.RecordBatch.from_arrays([*batch.columns, split_column], [*batch.schema.names, features.SPLIT])


def decode_examples(file: str, further: str, kind: int) -> Iterator[pa.RecordBatch]:
    """Yields a TFRecord file's Examples in batches: flat columns user_id, item_id, timestamp and one more.

    Args:
      file: gzipped TFRecords.
      further: the name of the fourth column.
      kind: its type in `schema_pb2`.

    Raises:
      ValueError: for an Example that lacks one of the values, or has several.
    """
    # The types are given, because an empty batch would have none otherwise.
    types = dict.fromkeys((features.USER_ID, features.ITEM_ID), schema_pb2.BYTES)
    types |= {features.TIMESTAMP: schema_pb2.INT, further: kind}
    schema = schema_pb2.Schema(feature=[schema_pb2.Feature(name=name, type=value) for name, value in types.items()])
    decoder = example_coder.ExamplesToRecordBatchDecoder(schema.SerializeToString())
    for records in tf.data.TFRecordDataset([file], "GZIP").batch(_DECODE_BATCH).as_numpy_iterator():
        batch = decoder.DecodeBatch(records.tolist())
        columns = [_narrow(column.flatten()) for column in batch.columns]
        for name, column in zip(batch.schema.names, columns):
            if len(column) != batch.num_rows or column.null_count:
                raise ValueError(f"{file}: expected one {name} an Example, found {len(column)} in {batch.num_rows}")
        yield pa.RecordBatch.from_arrays(columns, batch.schema.names)


def _narrow(column: pa.Array) -> pa.Array:
    """Dictionary-encodes ids as text; Arrow has no cast from the decoder's large binary type to dictionaries."""
    if not pa.types.is_large_binary(column.type):
        return column
    return column.cast(pa.large_string()).cast(pa.string()).dictionary_encode()
