"""Numbers and lists as parts of sentences, for captions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

FEWEST_CLUSTERS = 10  # users whose standard error is taken for a measure of chance


def listed(names: Sequence[str], joint: str = "and") -> str:
    """Joins names for a sentence; names that have a comma of their own are in quotes.

    Example:
      >>> listed(["PMF", "TimeSVD++", "the bias"])
      'PMF, TimeSVD++ and the bias'
      >>> listed(["mixture, 3 seeds", "3-gram"], "or")
      '"mixture, 3 seeds" or 3-gram'
    """
    *first, last = (f'"{name}"' if "," in name else name for name in names)
    return f"{', '.join(first)} {joint} {last}" if first else last


def counted(number: int, noun: str, plural: str = "") -> str:
    """Returns a number with its noun, such as ``1 user`` or ``1,200 users``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def with_error(value: float, error: float | None, form: str = "+.4f") -> str:
    """Returns a value and its standard error, or the value alone where no error can be computed.

    Args:
      value: the value.
      error: its standard error; NaN or None where there is none.
      form: format of the value; the error has it without the sign.

    Example:
      >>> with_error(0.0123, 0.0031), with_error(0.5, float("nan"), ".2f")
      ('+0.0123 ± 0.0031', '0.50')
    """
    if error is None or math.isnan(error):
        return format(value, form)
    return f"{value:{form}} ± {error:{form.lstrip('+')}}"


def established(value: float, error: float | None, clusters: int = FEWEST_CLUSTERS) -> bool:
    """Whether a difference is more than two standard errors from zero.

    Args:
      value: the difference.
      error: its standard error; where there is none nothing is established.
      clusters: number of users that it is an average over. Of a few users the standard error itself is too uncertain,
        so nothing is established by fewer than `FEWEST_CLUSTERS`.
    """
    return error is not None and clusters >= FEWEST_CLUSTERS and abs(value) > 2 * error


def doubt(error: float | None) -> str:
    """Returns why a difference is not established: it is within two standard errors, or they are not known.

    Example:
      >>> doubt(0.1), doubt(float("nan"))
      ('within two standard errors', 'of too few users for a standard error')
    """
    known = error is not None and not math.isnan(error)
    return "within two standard errors" if known else "of too few users for a standard error"


def day(seconds: float) -> str:
    """Returns the day (UTC) of unix seconds, such as ``2013-05-31``."""
    return str(np.datetime64(int(seconds), "s").astype("datetime64[D]"))


def duration(seconds: float) -> str:
    """Returns a length of time in its largest fitting unit.

    Example:
      >>> duration(7 * 86_400), duration(3_600), duration(90), duration(86_400)
      ('7 days', '1 hour', '90 seconds', '1 day')
    """
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            return counted(int(seconds // size), unit)
    return f"{seconds:g} second{'' if seconds == 1 else 's'}"
