"""Warns of a model that predicts worse than a constant answer would."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

WARNINGS = "warnings"  # their key in `run.json`
TRIVIAL = ("global mean", "1-gram")  # baselines that answer the same whatever is asked, of ratings and of events


class Row(Protocol):
    """A row of a leaderboard; `difference` is None for the model that the others are compared with."""

    @property
    def model(self) -> str: ...

    @property
    def difference(self) -> float | None: ...


def worse_than_trivial(rows: Iterable[Row]) -> str | None:
    """Returns a warning if the reference model of a leaderboard is worse than the trivial baseline; None if it is not.

    Args:
      rows: the rows of a leaderboard of ratings or of events.

    Example:
      >>> from collections import namedtuple
      >>> row = namedtuple("row", "model difference")
      >>> worse_than_trivial([row("global mean", -0.25), row("RRN", None)])
      "warning: RRN is worse than 'global mean' by 0.2500, so it has learnt nothing of use from these data"
    """
    reference = [row.model for row in rows if row.difference is None]
    for row in rows:
        if reference and row.model in TRIVIAL and row.difference is not None and row.difference < 0:
            lead = f"warning: {reference[0]} is worse than {row.model!r} by {-row.difference:.4f}"
            return f"{lead}, so it has learnt nothing of use from these data"
    return None
