"""Executor of StateUpdater."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.example_files import split_files
from components.sequence_builder.executor import decode_examples
from components.staging import local_input, local_output
from rrn_tf import features

EXAMPLES, BASE_MODEL, MODEL, UPDATE = "examples", "base_model", "model", "update"
REPORT_FILE = "update.json"


class Executor(base_executor.BaseExecutor):
    """Reads the Examples, ratings or events as the base model requires, updates the model and exports it."""

    def Do(  # noqa: N802
        self, input_dict: dict[str, list[Any]], output_dict: dict[str, list[Any]], exec_properties: dict[str, Any]
    ) -> None:
        """Runs the component.

        Args:
          input_dict: `examples` and `base_model`.
          output_dict: `model` and `update`.
          exec_properties: none.
        """
        # Imported only here: a process that just wires the pipeline, such as `tfx pipeline create`, may use Keras 3.
        from rrn_tf.data.items import items_of, keep_items
        from rrn_tf.serving.load import load_saved_model
        from rrn_tf.serving.saved_facts import keep_max_bad_share, max_bad_share_of
        from rrn_tf.serving.update_model import take_in
        from rrn_tf.tasks import task_of_saved

        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict[EXAMPLES])
        with local_input(saved_model_uri(artifact_utils.get_single_uri(input_dict[BASE_MODEL]))) as folder:
            base, items, allowed = load_saved_model(folder), items_of(folder), max_bad_share_of(folder)
            updated = take_in(base, READERS[task_of_saved(base).rows](examples))
        model = path_utils.serving_model_dir(artifact_utils.get_single_uri(output_dict[MODEL]))
        with local_output(model) as folder:
            updated.export(folder)
            keep_max_bad_share(folder, allowed)
            keep_items(items, folder)
        with local_output(artifact_utils.get_single_uri(output_dict[UPDATE])) as folder:
            (folder / REPORT_FILE).write_text(json.dumps(updated.report, indent=2) + "\n")


def saved_model_uri(uri: str) -> str:
    """Returns the SavedModel's path in a Model artifact: Trainer's subfolder or, after Pusher, the root."""
    folder = path_utils.serving_model_dir(uri)
    return folder if fileio.exists(folder) else uri


def read_ratings(examples: Any) -> pa.Table:
    """Reads the ratings of all splits of an Examples artifact: user_id, item_id, timestamp and rating."""
    return _table(examples, features.RATING, pa.float32(), schema_pb2.FLOAT)


def read_events(examples: Any) -> pa.Table:
    """Reads all events of an Examples artifact, in order: user_id, item_id, timestamp and position."""
    return _table(examples, features.POSITION, pa.int64(), schema_pb2.INT).sort_by(features.POSITION)


READERS = {"ratings": read_ratings, "events": read_events}


def _table(examples: Any, further: str, kind: pa.DataType, value: int) -> pa.Table:
    names = (features.USER_ID, features.ITEM_ID, features.TIMESTAMP, further)
    schema = pa.schema(zip(names, (pa.string(), pa.string(), pa.int64(), kind), strict=True))
    parts = [pa.Table.from_batches([batch]).select(names).cast(schema) for batch in _batches(examples, further, value)]
    return pa.concat_tables([schema.empty_table(), *parts])


def _batches(examples: Any, further: str, value: int) -> Iterator[pa.RecordBatch]:
    for split in artifact_utils.decode_split_names(examples.split_names):
        for file in split_files(examples, split):
            yield from decode_examples(file, further, value)
