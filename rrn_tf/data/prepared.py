"""File names of a prepared data set, and the error for data that cannot be prepared."""

from __future__ import annotations

from rrn_tf.features import Side

DEAD_LETTERS_FILE = "dead_letters.jsonl"
# What to do about damaged files.
MEND = "prepare the data again, by rrn train without --resume or rrn run with --no-cache"


class BadInputError(ValueError):
    """The input cannot be used; the message is one line with the place, what was expected and what was found."""


def sequence_file(side: Side, shard: int, shards: int) -> str:
    """Returns the name of one TFRecord file of a side, such as ``user_sequences-00000-of-00004.tfrecord``.

    Entity indices increase with the shard number, so that files sorted by name hold entities in order of index.

    Args:
      side: the side of the sequences.
      shard: number of the file, from 0 to `shards` - 1.
      shards: number of files of the side.
    """
    return f"{side.sequences}-{shard:05d}-of-{shards:05d}.tfrecord"
