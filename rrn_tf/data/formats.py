"""Text formats of published event files that are not CSV with a header.

A pattern such as ``brightkite:loc-brightkite_totalCheckins.txt.gz`` names the format before the colon. The files are
read as they are, so that a rejected row is reported with its own file and line.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from rrn_tf.features import ITEM_ID, TIMESTAMP, USER_ID


@dataclass(frozen=True)
class TextFormat:
    """Lines without a header and without quoting.

    Attributes:
      description: one line for people.
      delimiter: one character.
      fields: the columns of a line in order; None for a column that is not read.
      iso_times: whether timestamps are UTC times such as ``2010-10-17T01:48:53Z``, not unix seconds.
      newest_first: whether a user's later events precede the earlier ones in the file, also within a second.
      item_name: index of the field that replaces an empty item_id.
      no_item: text that replaces an empty item_id; by default such a row is rejected.
    """

    description: str
    delimiter: str
    fields: tuple[str | None, ...]
    iso_times: bool = False
    newest_first: bool = False
    item_name: int | None = None
    no_item: str | None = None


# userid-timestamp-artid-artname-traid-traname.tsv
_LASTFM_FIELDS = (USER_ID, TIMESTAMP, ITEM_ID, None, None, None)

FORMATS = {
    "brightkite": TextFormat(
        "Brightkite check-ins (SNAP, loc-brightkite_totalCheckins.txt): items are location ids",
        "\t",
        (USER_ID, TIMESTAMP, None, None, ITEM_ID),
        iso_times=True,
        newest_first=True,
    ),
    "lastfm-1k": TextFormat(
        "LastFM-1K plays (userid-timestamp-artid-artname-traid-traname.tsv): items are artist ids, else names",
        "\t",
        _LASTFM_FIELDS,
        iso_times=True,
        newest_first=True,
        item_name=3,
    ),
    # The authors' program treats all artists without an id as one item.
    "lastfm-1k-ids": TextFormat(
        "LastFM-1K plays: items are artist ids, and one item stands for all artists without, as the authors count",
        "\t",
        _LASTFM_FIELDS,
        iso_times=True,
        newest_first=True,
        no_item="no-artist-id",
    ),
    "authors": TextFormat(
        "events in the plain format of the Collaborative RNN program: user item t",
        " ",
        (USER_ID, ITEM_ID, TIMESTAMP),
    ),
}


def split_format(pattern: str) -> tuple[TextFormat | None, str]:
    """Splits a pattern into its format, None for CSV and Parquet, and the pattern without the format's name."""
    name, path = split_format_name(pattern)
    return FORMATS.get(name), path


def split_format_name(pattern: str) -> tuple[str, str]:
    """Splits a pattern into the name of its format, empty for CSV and Parquet, and the pattern without it."""
    name, colon, rest = pattern.partition(":")
    return (name, rest) if colon and name in FORMATS and not os.path.exists(pattern) else ("", pattern)
