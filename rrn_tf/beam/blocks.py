"""Blocks of ratings that wait in files between the stages of a pipeline, instead of in the memory of Beam's own runner.

The in-memory runner keeps all that a stage hands to later ones, and decodes what is grouped before anyone asks for it.
So a stage hands on references, and whoever needs a block loads it. Other runners have disks of their own, and their
workers share none: there, and below a size, blocks are handed on themselves.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam

from rrn_tf.beam.pipelines import runs_here
from rrn_tf.data.prepared import BadInputError

LEAST = 1 << 16  # bytes of the smallest block that is written


@dataclass(frozen=True)
class StoredBlock:
    """A reference to a block in a file.

    Attributes:
      path: path of the file.
    """

    path: str


@dataclass(frozen=True)
class BlockStore:
    """Where blocks are kept.

    Attributes:
      folder: local folder, made when it is needed; None hands all blocks on themselves.
    """

    folder: str | None = None

    def keep(self, block: Any) -> Any:
        """Writes a block of arrays to a file, if it is large.

        Args:
          block: an array, a `pyarrow.RecordBatch`, or a tuple of blocks.

        Returns:
          What `loaded` makes the block of again.

        Raises:
          BadInputError: if the file cannot be written, as when the disk is full.
        """
        if self.folder is None or _bytes_of(block) < LEAST:
            return block
        path = os.path.join(self.folder, uuid.uuid4().hex)
        try:
            os.makedirs(self.folder, exist_ok=True)
            with open(path, "xb") as file:
                pickle.dump(block, file, protocol=5)
        except OSError as error:
            raise BadInputError(
                f"{self.folder}: {(error.strerror or str(error)).lower()}: ratings wait here while they are prepared, "
                "some 170 bytes each; free some space, or write to another disk"
            ) from error
        return StoredBlock(path)


def loaded(block: Any) -> Any:
    """Returns a block that `BlockStore.keep` has kept."""
    if not isinstance(block, StoredBlock):
        return block
    with open(block.path, "rb") as file:
        return pickle.load(file)  # noqa: S301, this very run wrote it, into its own folder


@contextlib.contextmanager
def temporary_store(output_dir: str, pipeline: beam.Pipeline) -> Iterator[BlockStore]:
    """Makes a store for a pipeline that runs inside, which ends with it, however that ends.

    Args:
      output_dir: the pipeline's output, in which a hidden folder is made; if it is remote, in the system's folder for
        temporary files.
      pipeline: the pipeline; unless it runs on this machine alone, blocks are not stored.
    """
    if not runs_here(pipeline):
        yield BlockStore()
        return
    place = tempfile.gettempdir() if "://" in output_dir else os.path.abspath(output_dir)
    folder = os.path.join(place, f".blocks-{uuid.uuid4().hex}")
    try:
        yield BlockStore(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _bytes_of(block: Any) -> int:
    return sum(map(_bytes_of, block)) if isinstance(block, tuple) else int(getattr(block, "nbytes", 0))
