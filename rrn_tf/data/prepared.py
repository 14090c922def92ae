"""Where the files of a prepared data set lie, and the error for data that cannot be prepared."""

from __future__ import annotations

from rrn_tf.features import Side

DEAD_LETTERS_FILE = "dead_letters.jsonl"


class BadInputError(ValueError):
    """Input that cannot be used; the message is one line: where, what was expected, what was found."""


def sequence_file(side: Side, shard: int, shards: int) -> str:
    """Name of one TFRecord file of a side, such as ``user_sequences-00000-of-00004.tfrecord``.

    Entities rise with the shard number, so that sorted names give entities in order of their index.

    Args:
      side: whose sequences the file holds.
      shard: from 0 to `shards` - 1.
      shards: files of the side.
    """
    return f"{side.sequences}-{shard:05d}-of-{shards:05d}.tfrecord"
