"""Predicts ratings of any number of user-item pairs with a saved model, by Beam's RunInference."""

from __future__ import annotations

import contextlib
import glob
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam import pvalue
from apache_beam.io.filesystems import FileSystems
from apache_beam.io.parquetio import WriteToParquetBatched
from apache_beam.ml.inference.base import ModelHandler, RunInference
from apache_beam.utils.shared import Shared

from rrn_tf import features
from rrn_tf.beam.pipelines import new_pipeline, run_to
from rrn_tf.beam.reading import read_ratings
from rrn_tf.beam.reading.dead_letters import OPTION, WriteDeadLetters
from rrn_tf.beam.reading.errors import surfaced_errors
from rrn_tf.beam.reading.files import remove, replacing
from rrn_tf.beam.reading.read_ratings import ReadRatings
from rrn_tf.data.allocator import reused_memory
from rrn_tf.data.prepared import DEAD_LETTERS_FILE, BadInputError
from rrn_tf.data.reading import record_batches
from rrn_tf.data_format import DataFormat

PAIRS_AT_A_TIME = 1 << 18  # pairs of one call of the model, which computes a repeated user or item once
_SUFFIX, _SHARD = ".parquet", "[0-9]" * 5  # of the names that Beam gives
SCORED = pa.schema(
    [
        (features.USER_ID, pa.string()),
        (features.ITEM_ID, pa.string()),
        (features.TIMESTAMP, pa.int64()),
        (features.PREDICTION, pa.float32()),
    ]
)


class PairScorer(ModelHandler[pa.RecordBatch, pa.Table, Any]):
    """Predicts batches of pairs with the signature `predict` of a SavedModel; needs TensorFlow only.

    An element is a whole batch from `ReadRatings`, so that RunInference should not batch elements itself.

    Args:
      path: path of the SavedModel, on any file system that TensorFlow and all workers can read.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def load_model(self) -> Any:
        """Loads the model once in each process.

        Raises:
          BadInputError: if the model has no signature `predict`.
        """
        import tensorflow as tf

        module = tf.saved_model.load(self._path)
        if "predict" not in module.signatures:
            raise BadInputError(f"{self._path}: expected a signature predict, found {', '.join(module.signatures)}")
        return module

    def run_inference(
        self, batch: pa.RecordBatch, model: Any, inference_args: dict[str, Any] | None = None
    ) -> Iterator[pa.Table]:
        """Yields one table with schema `SCORED` and the batch's rows in their order."""
        import tensorflow as tf

        predict = model.signatures["predict"]
        times = record_batches.numbers(batch, features.TIMESTAMP)
        inputs = {name: _texts(batch, name) for name in (features.USER_ID, features.ITEM_ID)}
        found = []
        for begin in range(0, len(times), PAIRS_AT_A_TIME):
            part = slice(begin, begin + PAIRS_AT_A_TIME)
            pairs = {name: text[part] for name, text in inputs.items()}
            answer = predict(**pairs, **{features.TIMESTAMP: tf.constant(times[part], tf.int64)})
            found.append(answer[features.RATING].numpy())
        plain = [column.dictionary_decode() for column in batch.columns[:2]]
        yield pa.Table.from_arrays([*plain, pa.array(times), pa.array(np.concatenate(found))], schema=SCORED)

    def get_num_bytes(self, batch: pa.RecordBatch) -> int:
        return batch.nbytes

    def should_skip_batching(self) -> bool:
        return True


class Scored(NamedTuple):
    """Counts of a scoring job.

    Attributes:
      pairs: number of predictions.
      rejected: number of rejected rows by reason.
    """

    pairs: int
    rejected: dict[str, int]


def score_pairs(
    model: str,
    queries: str,
    output: str,
    *,
    max_bad_share: float = 0.01,
    beam_args: Sequence[str] = (),
    data_format: DataFormat | None = None,
) -> Scored:
    """Reads pairs, predicts their ratings and writes them as Parquet files, in no particular order.

    Args:
      model: path of a SavedModel.
      queries: files of user_id, item_id and timestamp (see `ReadRatings`).
      output: prefix of the written files: Parquet of these columns and `prediction`; rejected rows as JSON Lines in
        ``<output>-dead_letters.jsonl``; the counts in ``<output>-summary.json``, which is written last. It has no
        wildcards (``*``, ``?``, ``[``): Beam takes them for a pattern of the files that it replaces.
      max_bad_share: largest fraction of rows that may be rejected.
      beam_args: pipeline options, see `new_pipeline`; the in-memory runner by default.
      data_format: what the user says about the format of the queries.

    Raises:
      BadInputError: if a file is missing, a header is wrong, there are no rows, too many rows are rejected, the
        model has no signature `predict`, or the prefix has wildcards.
    """
    if glob.has_magic(output):
        raise BadInputError(f"{output}: expected a prefix of files without *, ? and [, which Beam takes for wildcards")
    summary = _summary(output)
    remove(summary)  # a file of an earlier run must not look like success
    with surfaced_errors(), reused_memory(), _no_leftovers(output):
        pipeline = new_pipeline(beam_args)
        read = pipeline | "ReadPairs" >> ReadRatings(queries, features.EVENT_COLUMNS, data_format)
        rejected = read[read_ratings.REJECTED] | WriteDeadLetters(
            f"{output}-{DEAD_LETTERS_FILE}", max_bad_share, read[read_ratings.ROWS], "pairs", OPTION
        )
        scored = read[read_ratings.RATINGS] | RunInference(PairScorer(model))
        written = scored | WriteToParquetBatched(output, SCORED, codec="snappy", file_name_suffix=_SUFFIX)
        pairs = scored | "Rows" >> beam.Map(len) | "AllPairs" >> beam.CombineGlobally(sum)
        _ = rejected | "Summary" >> beam.Map(_finish, output, pvalue.AsSingleton(pairs), pvalue.AsIter(written))
        try:
            run_to(pipeline, summary)
        finally:
            _release_model()
    with FileSystems.open(summary) as file:
        return Scored(**json.loads(file.read()))


@contextlib.contextmanager
def _no_leftovers(output: str) -> Iterator[None]:
    """Removes the temporary folder in which Beam collects local files, which a job that fails leaves behind."""
    folder, name = Path(output).parent, Path(output).name

    def found() -> set[Path]:
        return set(folder.glob(f"beam-temp-{glob.escape(name)}-*"))

    before = found()
    try:
        yield
    except BaseException:
        for leftover in found() - before:
            shutil.rmtree(leftover, ignore_errors=True)
        raise


class _Nothing:
    """A shared object that replaces the model."""


def _release_model() -> None:
    # Beam keeps the last shared object of a process until the next one, and a model fails to be freed at exit,
    # after TensorFlow.
    Shared().acquire(_Nothing)


def _summary(output: str) -> str:
    return f"{output}-summary.json"


def _finish(rejected: dict[str, int], output: str, pairs: int, written: Iterable[str]) -> None:
    """Removes scores of an earlier run, which may have had another number of files, and then writes the summary."""
    names = {FileSystems.split(path)[1] for path in written}
    found = FileSystems.match([f"{glob.escape(output)}-{_SHARD}-of-{_SHARD}{_SUFFIX}"])
    paths = [file.path for match in found for file in match.metadata_list]
    if others := [path for path in paths if FileSystems.split(path)[1] not in names]:
        FileSystems.delete(others)
    with replacing(_summary(output)) as file:
        file.write(json.dumps(Scored(pairs, rejected)._asdict()).encode())


def _texts(batch: pa.RecordBatch, name: str) -> Any:
    """Converts a column of ids to a tensor string[rows]; each distinct id is passed to TensorFlow once."""
    import tensorflow as tf

    codes, values = record_batches.ids(batch, name)
    return tf.gather(tf.constant(values.cast(pa.binary()).to_pylist(), tf.string), codes)
