"""Files of ratings, of events and of settings, which users write."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import ConfigError, load_config
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.in_memory import read_files
from rrn_tf.features import COLUMNS, EVENT_COLUMNS
from tests.fuzz.targets import one_line

SUFFIXES = (".csv", ".csv", ".tsv", ".json", ".gz", ".zip", ".deflate", ".zst", ".parquet", ".bz2", ".xz", "")


def rows(data: bytes) -> None:
    """Reads a file of ratings or events: the first byte chooses which and the suffix, the others are the file."""
    kind = data[0] if data else 0
    columns = EVENT_COLUMNS if kind & 16 else COLUMNS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"r{SUFFIXES[kind % 16 % len(SUFFIXES)]}")
        path.write_bytes(data[1:])
        try:
            read_files(str(path), columns)
        except BadInputError as error:
            one_line(error)


def configuration(data: bytes) -> None:
    """Reads a configuration from a file: the first byte chooses the task."""
    kind = CollaborativeConfig if data[:1] < b"a" else None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "c.yaml")
        path.write_bytes(data[1:])
        try:
            load_config(path, **({"kind": kind} if kind else {}))
        except ConfigError as error:
            one_line(error)
