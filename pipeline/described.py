"""The file of items of a local run: titles and other attributes, which Trainer keeps with the model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from rrn_tf.data.items import read_items
from rrn_tf.data.source import write_whole_frame


def described_items(given: str | None, brought: str | None, folder: Path, tell: Callable[[str], object]) -> str | None:
    """Reads a file of items and writes what it says under a name that changes with it, so that Trainer notices.

    Args:
      given: the file that a user names.
      brought: the file that the data set brings along, which is read if none is given.
      folder: where to write.
      tell: as in `rrn_tf.data.items.read_items`.

    Returns:
      The path of the written file; None if there is no file of items.

    Raises:
      BadInputError: for a file that cannot be used.
    """
    if not (file := given or brought):
        return None
    frame = read_items(file, tell)
    digest = hashlib.blake2b(frame.to_csv(index=False).encode(), digest_size=8).hexdigest()
    path = folder / f"items-{digest}.parquet"
    write_whole_frame(frame, path)
    return str(path)
