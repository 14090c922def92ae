"""Times as text: read in one way by all commands, settings and the Python API, and printed in one way."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

LAST_SECOND = 253_402_300_799  # of the year 9999; larger numbers are not in seconds
EXPECTED_TIME = "a year, an ISO date or time such as 2005-12-01, or unix seconds"

_CLOCK = r"(?:[Tt ](?P<hour>\d{1,2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,]\d+)?)?)?)?"
_ZONE = r"\s*(?:[Zz]|UTC|(?P<sign>[+-])(?P<hours>\d{2})(?::?(?P<minutes>\d{2}))?)?"
_ISO = rf"^(?P<year>\d{{4}})[-/](?P<in_year>\d{{1,2}})[-/](?P<in_month>\d{{1,2}}){_CLOCK}{_ZONE}$"
_WRITTEN = (
    r"^(?P<year>\d{4})(?:-(?P<in_year>\d{2}))?$",
    _ISO,
    rf"^(?P<year>\d{{4}})(?P<in_year>\d{{2}})(?P<in_month>\d{{2}}){_CLOCK}{_ZONE}$",
    r"^(?P<year>\d{4})(?P<in_year>\d{2})(?P<in_month>\d{2})(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})$",
)
_SECONDS = r"^(?P<seconds>[+-]?\d{1,18})(?:\.0*)?$"
_DAY = 86_400


def parse_time(text: str) -> int:
    """Converts a time to unix seconds, rounded down; it is UTC unless it has an offset.

    Four digits are a year, eight a date and fourteen a date with a time; other whole numbers are unix seconds, and so
    is every number with a sign or a decimal point.

    Args:
      text: a year, a month, a date or a date-time of ISO 8601, with or without hyphens and colons, or unix seconds.

    Raises:
      ValueError: in one line, for anything else, and for a time after the year 9999.

    Example:
      >>> [parse_time(text) for text in ("2030", "20300101", "2030-01-01T01:00+01:00", "1893456000")]
      [1893456000, 1893456000, 1893456000, 1893456000]
    """
    seconds, readable = parse_times([text])
    if not readable[0]:
        raise ValueError(f"expected {EXPECTED_TIME}, found {text!r}")
    if abs(seconds[0]) > LAST_SECOND:
        raise ValueError(f"expected unix seconds before the year 10000, found {text!r}")
    return int(seconds[0])


def parse_times(texts: Any, *, only_iso: bool = False) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """As `parse_time`, for many texts at once.

    Args:
      texts: N texts, as an Arrow array or of a type that becomes one.
      only_iso: whether nothing is a time but a whole date with hyphens or slashes, with or without a time of day.

    Returns:
      int64[N], unix seconds, which may be after the year 9999, 0 for other texts; and bool[N], whether each text is a
      time.
    """
    # Imported here, because settings that have no time need no pyarrow.
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string())
    trimmed = pc.utf8_trim_whitespace(texts)
    seconds, readable = np.zeros(len(trimmed), np.int64), np.zeros(len(trimmed), bool)
    written = np.zeros(len(trimmed), bool)
    for pattern in (_ISO,) if only_iso else (*_WRITTEN, _SECONDS):
        found = pc.extract_regex(trimmed, pattern)
        here = found.is_valid().to_numpy(zero_copy_only=False) & ~written
        if here.any():
            groups = found.filter(pa.array(here)).flatten()
            parts = dict(zip((field.name for field in found.type), groups, strict=True))
            seconds[here], readable[here] = _seconds_of(parts)
        written |= here
    return seconds, readable


def utc_text(seconds: int) -> str:
    """Returns a time for people, such as ``2030-01-01 00:00:00 UTC``."""
    # Not by Python's own dates, which end with the year 9999.
    return str(np.datetime64(seconds, "s")).replace("T", " ") + " UTC"


def _seconds_of(parts: dict[str, Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Returns the unix seconds of N written times, from the texts of their numbers; and whether there is such a day."""
    import pyarrow as pa
    import pyarrow.compute as pc

    count = len(next(iter(parts.values())))

    def number(name: str, absent: int) -> npt.NDArray[np.int64]:
        if name not in parts:
            return np.full(count, absent)
        given = pc.replace_substring_regex(parts[name], r"^\+", "")
        filled = pc.if_else(pc.equal(given, ""), pa.scalar(None, pa.string()), given)
        return filled.cast(pa.int64()).fill_null(absent).to_numpy()

    if "seconds" in parts:
        return number("seconds", 0), np.ones(count, bool)
    year, month, day = (number(name, 1) for name in ("year", "in_year", "in_month"))
    hour, minute, second, hours, minutes = (
        number(name, 0) for name in ("hour", "minute", "second", "hours", "minutes")
    )
    first = (12 * (year - 1970) + month - 1).astype("datetime64[M]")
    days = ((first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")).astype(np.int64)
    real = (year > 0) & (month > 0) & (month < 13) & (day > 0) & (day <= days)
    real &= (hour < 24) & (minute < 60) & (second < 60) & (hours < 24) & (minutes < 60)
    behind = pc.equal(parts["sign"], "-").to_numpy(zero_copy_only=False) if "sign" in parts else np.zeros(count, bool)
    ahead = np.where(behind, -1, 1) * 60 * (60 * hours + minutes)
    seconds = _DAY * (first.astype("datetime64[D]").astype(np.int64) + day - 1) + 3600 * hour + 60 * minute + second
    return np.where(real, seconds - ahead, 0), real
