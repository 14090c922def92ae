"""Prepares a published data set of events, and compares numbers of users, items and events with the paper's.

Example:
  python -m benchmarks.published_counts brightkite:loc-brightkite_totalCheckins.txt.gz
  python -m benchmarks.published_counts lastfm-1k-ids:userid-timestamp-artid-artname-traid-traname.tsv
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from rrn_tf.bench.event_load import BRIGHTKITE, LASTFM
from rrn_tf.cli.options import json_option, one_line_errors, write_json
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.data.prepared import DEAD_LETTERS_FILE
from rrn_tf.environment import environment
from rrn_tf.features import Split


class Published(NamedTuple):
    """The figures of the paper for a data set.

    Attributes:
      users, items, events: numbers after preparation.
      min_user_entropy: least entropy of a user's items, in nats.
      kept: the most events of a user that the authors use for training and for validation, (0, 0) for all.
    """

    users: int
    items: int
    events: int
    min_user_entropy: float
    kept: tuple[int, int] = (0, 0)


# The authors keep 80 chunks of 64 training events and 8 chunks of validation events of a LastFM user.
_LASTFM = Published(*LASTFM, min_user_entropy=3.0, kept=(80 * 64, 8 * 64))
PUBLISHED = {
    "brightkite": Published(*BRIGHTKITE, min_user_entropy=2.5),
    "lastfm-1k": _LASTFM,
    "lastfm-1k-ids": _LASTFM,
}


def count_events(data: str, published: Published, echo: Callable[[str], None]) -> dict[str, Any]:
    """Prepares a data set as the paper does, with all held-out events for validation, and counts.

    Args:
      data: format and path of the files, such as ``brightkite:PATH``.
      published: expected figures.
      echo: prints a line.

    Returns:
      `found` and `published` (each `users`, `items`, `events`), `kept_events` (in the chunks that the authors keep),
      `dropped`, `rejected`, `seconds`, and the environment.
    """
    from rrn_tf.beam.prepare_events import prepare_events
    from rrn_tf.data.load_events import load_events

    config = EventDataConfig(min_user_entropy=published.min_user_entropy, validation=False)
    with tempfile.TemporaryDirectory(prefix="rrn-bench-") as folder:
        begin = time.perf_counter()
        metadata = prepare_events(data, folder, config, dead_letters=str(Path(folder, DEAD_LETTERS_FILE)))
        seconds = time.perf_counter() - begin
        events = load_events(folder)
    most = [bound or len(events.item) for bound in published.kept]
    kept = sum(
        int(np.minimum(events.counts([split]), bound).sum())
        for split, bound in zip((Split.TRAIN, Split.VALID), most, strict=True)
    )
    found = {"users": metadata.users, "items": metadata.items, "events": sum(metadata.events.values())}
    echo(f"{'':<10}{'found':>12}{'published':>12}")
    expected = {name: getattr(published, name) for name in found}
    for name, number in found.items():
        echo(f"{name:<10}{number:>12,}{expected[name]:>12,}{'' if number == expected[name] else '  differs'}")
    if any(published.kept):
        echo(f"{'kept':<10}{kept:>12,}  events, at most {most[0]:,} + {most[1]:,} a user, as the authors train on")
    echo(f"dropped   {', '.join(f'{number:,} by {rule}' for rule, number in metadata.dropped.items())}")
    echo(f"rejected  {', '.join(f'{number:,} {reason}' for reason, number in metadata.rejected.items()) or 'none'}")
    echo(f"seconds   {seconds:.1f}")
    return {
        "found": found,
        "published": expected,
        "kept_events": kept,
        "dropped": metadata.dropped,
        "rejected": metadata.rejected,
        "seconds": seconds,
        **environment(0, packages=("apache-beam", "pyarrow", "numpy")),
    }


@click.command()
@click.argument("data")
@json_option
def main(data: str, json_file: str | None) -> None:
    """Counts the prepared users, items and events of DATA, such as brightkite:PATH, and compares with the paper."""
    name = data.partition(":")[0]
    if name not in PUBLISHED:
        raise click.UsageError(f"expected one of {', '.join(PUBLISHED)} with :PATH, found {data!r}")
    with one_line_errors():
        write_json(json_file, count_events(data, PUBLISHED[name], click.echo))


if __name__ == "__main__":
    main()
