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

from components.ratings_example_gen.executor import REJECTED_FILE
from rrn_tf import features
from rrn_tf.beam.build_sequences import BuildSequences
from rrn_tf.beam.errors import surfaced_errors
from rrn_tf.config import config_from_dict
from rrn_tf.features import SIDES, Split

EXAMPLES, SEQUENCES, DATA_CONFIG = "examples", "sequences", "data_config"
_DECODE_BATCH = 1 << 16


class Executor(base_beam_executor.BaseBeamExecutor):
    """Decodes rating Examples into column batches and hands them to `BuildSequences`."""

    def Do(  # noqa: N802
        self, input_dict: dict[str, list[Any]], output_dict: dict[str, list[Any]], exec_properties: dict[str, Any]
    ) -> None:
        """Runs the component.

        Args:
          input_dict: `examples`, of any splits of `rrn_tf.features.Split`.
          output_dict: `sequences`.
          exec_properties: `data_config`, JSON text.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        config = config_from_dict({"data": json.loads(exec_properties[DATA_CONFIG])}).data
        examples = artifact_utils.get_single_instance(input_dict[EXAMPLES])
        sequences = artifact_utils.get_single_instance(output_dict[SEQUENCES])
        with fileio.open(f"{examples.uri}/{REJECTED_FILE}") as file:
            rejected = json.loads(file.read())
        with surfaced_errors(), self._make_beam_pipeline() as pipeline:
            batches = [
                pipeline
                | f"Files[{split}]" >> beam.Create(_files(examples, split))
                | f"Reshuffle[{split}]" >> beam.Reshuffle()
                | f"Decode[{split}]" >> beam.FlatMap(decode_ratings, Split[split.upper()])
                for split in artifact_utils.decode_split_names(examples.split_names)
            ]
            folders = {side: f"Split-{side.sequences}" for side in SIDES}
            counts = pipeline | "Rejected" >> beam.Create([rejected])
            _ = batches | beam.Flatten() | BuildSequences(config, sequences.uri, folders=folders, rejected=counts)
        sequences.split_names = artifact_utils.encode_split_names([side.sequences for side in SIDES])
        examples_utils.set_payload_format(sequences, example_gen_pb2.FORMAT_TF_SEQUENCE_EXAMPLE)


def decode_ratings(file: str, split: Split) -> Iterator[pa.RecordBatch]:
    """Batches of a TFRecord file's ratings: flat columns user_id, item_id, rating, timestamp and split.

    Args:
      file: gzipped TFRecords of rating `tf.Example`s.
      split: which split they belong to.

    Raises:
      ValueError: for an Example that lacks one of the values, or has several.
    """
    decoder = example_coder.ExamplesToRecordBatchDecoder(_schema().SerializeToString())
    for records in tf.data.TFRecordDataset([file], "GZIP").batch(_DECODE_BATCH).as_numpy_iterator():
        batch = decoder.DecodeBatch(records.tolist())
        columns = [_narrow(column.flatten()) for column in batch.columns]
        for name, column in zip(batch.schema.names, columns):
            if len(column) != batch.num_rows or column.null_count:
                raise ValueError(f"{file}: expected one {name} an Example, found {len(column)} in {batch.num_rows}")
        split_column = pa.array(np.full(batch.num_rows, split, np.uint8))
        yield pa.RecordBatch.from_arrays([*columns, split_column], [*batch.schema.names, features.SPLIT])


def _narrow(column: pa.Array) -> pa.Array:
    """Ids as text, each once; Arrow has no cast from the decoder's large binary to dictionaries."""
    if not pa.types.is_large_binary(column.type):
        return column
    return column.cast(pa.large_string()).cast(pa.string()).dictionary_encode()


def _schema() -> schema_pb2.Schema:
    """The four values of a rating and their types, without which an empty batch would have none."""
    types = dict.fromkeys((features.USER_ID, features.ITEM_ID), schema_pb2.BYTES)
    types |= {features.RATING: schema_pb2.FLOAT, features.TIMESTAMP: schema_pb2.INT}
    return schema_pb2.Schema(feature=[schema_pb2.Feature(name=name, type=kind) for name, kind in types.items()])


def _files(examples: Any, split: str) -> list[str]:
    return fileio.glob(f"{artifact_utils.get_split_uri([examples], split)}/*")
