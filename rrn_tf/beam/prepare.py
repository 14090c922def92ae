"""Prepares a data set from ratings in one Beam pipeline, the first part of `rrn train`."""

from __future__ import annotations

from collections.abc import Sequence

import apache_beam as beam

from rrn_tf.beam.blocks import temporary_store
from rrn_tf.beam.pipelines import new_pipeline, run_to
from rrn_tf.beam.reading import read_ratings
from rrn_tf.beam.reading.dead_letters import WriteDeadLetters
from rrn_tf.beam.reading.errors import surfaced_errors
from rrn_tf.beam.reading.files import remove
from rrn_tf.beam.reading.read_ratings import ReadRatings
from rrn_tf.beam.sequences.build_sequences import BuildSequences
from rrn_tf.beam.splitting import time_split
from rrn_tf.beam.splitting.time_split import SplitByTime
from rrn_tf.config import DataConfig
from rrn_tf.data.allocator import reused_memory
from rrn_tf.data.metadata import SequenceMetadata
from rrn_tf.features import METADATA_FILE


def prepare_sequences(
    source: str,
    output_dir: str,
    config: DataConfig,
    *,
    valid: str | None = None,
    dead_letters: str,
    beam_args: Sequence[str] = (),
) -> SequenceMetadata:
    """Reads, checks and splits ratings and writes user and item sequences.

    Args:
      source: files of ratings (see `ReadRatings`).
      output_dir: folder for the sequences, vocabularies and metadata.
      config: settings of the split and the sequences.
      valid: files of validation ratings; all of `source` is then used for training.
      dead_letters: JSON Lines file for rejected rows.
      beam_args: pipeline options, see `new_pipeline`; the in-memory runner by default.

    Returns:
      The metadata, which is written to `output_dir` too.

    Raises:
      BadInputError: if a file is missing, a header is wrong, there are no rows or no training ratings, or too many
        rows are rejected.
    """
    written = f"{output_dir}/{METADATA_FILE}"
    remove(written)  # a file of an earlier run must not look like success
    with surfaced_errors(), reused_memory():
        pipeline = new_pipeline(beam_args)
        with temporary_store(output_dir, pipeline) as store:
            parts = {time_split.RATINGS: pipeline | "ReadRatings" >> ReadRatings(source, data_format=config.format)}
            if valid is not None:
                parts[time_split.HELD_OUT] = pipeline | "ReadValidation" >> ReadRatings(
                    valid, data_format=config.format
                )
            ratings = {name: part[read_ratings.RATINGS] for name, part in parts.items()} | SplitByTime(
                config.split, store
            )
            rejected = [ratings[time_split.REJECTED], *(part[read_ratings.REJECTED] for part in parts.values())]
            rows = [part[read_ratings.ROWS] for part in parts.values()]
            counts = (rejected | "AllRejected" >> beam.Flatten()) | WriteDeadLetters(
                dead_letters, config.max_bad_share, rows | "AllRowCounts" >> beam.Flatten()
            )
            _ = ratings[time_split.RATINGS] | BuildSequences(config, output_dir, rejected=counts, store=store)
            run_to(pipeline, written)
    return SequenceMetadata.load(output_dir)
