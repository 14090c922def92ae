"""Writes all that our pipelines write: `python -m tests.beam.every_output SOURCE MODEL FOLDER [BEAM OPTION ...]`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rrn_tf.beam.prepare import prepare_sequences
from rrn_tf.beam.prepare_events import prepare_events
from rrn_tf.beam.score import SCORED, score_pairs
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.config import DataConfig


def write(source: str, model: str, folder: Path, beam_args: Sequence[str] = ()) -> None:
    """Prepares a file as ratings and as events, and scores its pairs."""
    of_ratings, of_events = DataConfig(max_bad_share=0.5, shards=3), EventDataConfig(max_bad_share=0.5, shards=3)
    prepare_sequences(
        source, f"{folder}/ratings", of_ratings, dead_letters=f"{folder}/ratings/dead.jsonl", beam_args=beam_args
    )
    prepare_events(
        source, f"{folder}/events", of_events, dead_letters=f"{folder}/events/dead.jsonl", beam_args=beam_args
    )
    score_pairs(model, source, f"{folder}/scores/all", max_bad_share=0.5, beam_args=beam_args)


def read(folder: Path) -> dict[str, bytes | pa.Table]:
    """Returns the bytes of all files by name; the scores, whose rows and files are in no order, as a sorted table."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    scores = [pq.read_table(path) for path in files if path.suffix == ".parquet"]
    order = [(name, "ascending") for name in SCORED.names]
    found = {str(path.relative_to(folder)): path.read_bytes() for path in files if path.suffix != ".parquet"}
    for name in [name for name in found if name.endswith("summary.json")]:
        assert json.loads(found[name])["pairs"] == sum(len(part) for part in scores)
    return found | {"scores": pa.concat_tables(scores).sort_by(order).combine_chunks()}


if __name__ == "__main__":
    write(*sys.argv[1:3], Path(sys.argv[3]), sys.argv[4:])
