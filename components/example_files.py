"""The files of Examples, of which none may be missing."""

from __future__ import annotations

import re
from typing import Any

from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from rrn_tf.data.prepared import BadInputError

_NUMBERED = re.compile(r"-(\d+)-of-(\d+)(\.|$)")


def split_files(examples: Any, split: str) -> list[str]:
    """Returns the files of a split in order of their names.

    Args:
      examples: an Examples artifact.
      split: one of its splits.

    Raises:
      BadInputError: if a file is missing by the names of the others, which tell how many there are, or all are: an
        ExampleGen writes one even if it is empty, and TFX's cache does not look into folders.
    """
    folder = artifact_utils.get_split_uri([examples], split)
    files = sorted(fileio.glob(f"{folder}/*"))
    numbers = [found for file in files if (found := _NUMBERED.search(file.rpartition("/")[2]))]
    expected = max((int(found[2]) for found in numbers), default=1)
    if len(files) < expected:
        raise BadInputError(
            f"{folder}: expected {expected} {'file' if expected == 1 else 'files'} of Examples, found {len(files)}: "
            "run the pipeline again with --no-cache, which reads the data anew"
        )
    return files
