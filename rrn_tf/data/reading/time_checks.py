"""Checks and converts timestamps: numbers since 1970, ISO dates and times, and times of any other format."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rrn_tf import features
from rrn_tf.data.reading import checked
from rrn_tf.data.reading.checked import Checked, Mask, Problem
from rrn_tf.data_format import ISO, UNITS
from rrn_tf.times import LAST_SECOND, parse_times

_LARGEST = str(np.iinfo(np.int64).max)
_DECIMAL = r"^-?(\d+\.?\d*|\.\d+)$"
_AN_ISO_TIME = "a time such as 2010-10-17T01:48:53Z"

Seconds = npt.NDArray[np.int64]


def check_times(column: pa.Array, time: str = "") -> Checked:
    """Checks timestamps, of which fractions of a second are cut off.

    Args:
      column: text, any number type, or Arrow timestamps.
      time: what they are, as in `rrn_tf.data_format.DataFormat`. By default numbers are unix seconds, in decimal or
        exponent notation, and all else ISO dates and times, in UTC unless they have a zone.

    Returns:
      int64 unix seconds.
    """
    if pa.types.is_timestamp(column.type):
        # Floored first, because casts round towards zero.
        column = pc.floor_temporal(column, unit="second").cast(pa.timestamp("s")).cast(pa.int64())
        time = ""
    iso = time.upper() == ISO
    if not time or time in UNITS:
        return _numbers(column, UNITS.get(time or "s", 1), or_iso=not time)
    text = checked.text(column) if iso else pc.utf8_trim_whitespace(column.cast(pa.string()).fill_null(""))
    values = _at_once(column) if iso else None
    if values is not None:
        return Checked(values, [])
    seconds, good = parse_times(text, only_iso=True) if iso else _formatted_seconds(text, time)
    expected = _AN_ISO_TIME if iso else f"a time of the format {time}"
    return _checked_moments(text, seconds, good, expected)


def _numbers(column: pa.Array, unit: int, *, or_iso: bool) -> Checked:
    """Checks numbers, in parts of a second, and ISO times unless a unit was given."""
    numbers = checked.cast(column, pa.int64())
    if numbers is not None:
        values = numbers.to_numpy()
        if not len(values) or (values.min() >= 0 and values.max() // unit <= LAST_SECOND):
            return Checked(numbers if unit == 1 else pa.array(values // unit), [])
    elif or_iso and (moments := _at_once(column)) is not None:
        return Checked(moments, [])
    name, text = features.TIMESTAMP, checked.text(column)
    missing, number = checked.mask(pc.equal(text, "")), checked.matches(text, checked.NUMBER)
    seconds, long = _number_seconds(text, number, unit)
    good = number
    if or_iso:
        moments, iso = parse_times(text, only_iso=True)
        seconds, good = np.where(iso, moments, seconds), number | iso
    negative = good & (seconds < 0)
    late = long | (good & (seconds > LAST_SECOND))
    expected = f"neither a number of seconds nor {_AN_ISO_TIME} (--time says what else)" if or_iso else "not a number"
    hint = "expected unix seconds (--time ms for milliseconds)" if or_iso else "expected another --time"
    return checked.checked(
        pa.array(seconds),
        Problem(name, checked.MISSING, np.flatnonzero(missing), "is missing"),
        Problem(name, "not_a_number", np.flatnonzero(~missing & ~good), f"{{}} is {expected}"),
        Problem(name, "negative", np.flatnonzero(negative & number), "{} is negative"),
        Problem(name, "negative", np.flatnonzero(negative & ~number), "{} is before 1970"),
        Problem(name, "out_of_range", np.flatnonzero(late), f"{{}} is beyond the year 9999: {hint}"),
    )


def _number_seconds(text: pa.Array, number: Mask, unit: int) -> tuple[Seconds, Mask]:
    """Returns seconds of numbers without their fraction, int64[N], and which numbers are too large to convert."""
    decimal = checked.matches(text, _DECIMAL)
    whole = pc.replace_substring_regex(text, r"\.\d*$", "")
    whole = pc.replace_substring_regex(whole, r"^(-?)0*(\d)", r"\1\2")
    digits = pc.utf8_length(pc.replace_substring_regex(whole, "^-", "")).to_numpy(zero_copy_only=False)
    fits = (digits < len(_LARGEST)) | ((digits == len(_LARGEST)) & checked.mask(pc.less_equal(whole, _LARGEST)))
    whole = pc.if_else(pc.equal(whole, ""), "0", pc.if_else(pc.equal(whole, "-"), "-1", whole))
    plain = decimal & fits
    values = checked.only(plain, whole).cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    # The floor of -4.5 is -5, but below zero a number is refused anyway.
    seconds = values // unit
    seconds = np.where(checked.matches(text, r"^-.*[1-9]"), np.minimum(seconds, -1), seconds)
    other = checked.only(number & ~plain, text).cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
    large = np.abs(other) / unit > LAST_SECOND
    rest = np.where(large, np.sign(other), np.floor(other / unit)).astype(np.int64)
    return np.where(plain, seconds, rest), large & (other > 0)


def _at_once(column: pa.Array) -> pa.Array | None:
    """Converts text that is all ISO times of one kind, from 1970 on; returns None for others."""
    for kind in (pa.timestamp("s", "UTC"), pa.timestamp("s")):
        moments = checked.cast(column, kind) if pa.types.is_string(column.type) else None
        if moments is not None and len(moments):
            values = moments.cast(pa.int64())
            return None if pc.min(values).as_py() < 0 else values
    return None


def _formatted_seconds(text: pa.Array, form: str) -> tuple[Seconds, Mask]:
    """Returns seconds of times of a format of `strptime`, int64[N], and which texts are such: bool[N]."""
    import pandas as pd

    coded = text.dictionary_encode()
    moments = pd.to_datetime(
        pd.Series(coded.dictionary.to_pylist(), dtype=object), format=form, utc=True, errors="coerce"
    )
    good = moments.notna().to_numpy()
    values = moments.dt.tz_localize(None).to_numpy("datetime64[s]").astype(np.int64)
    codes = coded.indices.to_numpy(zero_copy_only=False)
    return np.where(good, values, 0)[codes], good[codes]


def _checked_moments(text: pa.Array, seconds: Seconds, good: Mask, expected: str) -> Checked:
    name, missing = features.TIMESTAMP, checked.mask(pc.equal(text, ""))
    return checked.checked(
        pa.array(seconds),
        Problem(name, checked.MISSING, np.flatnonzero(missing), "is missing"),
        Problem(name, "not_a_time", np.flatnonzero(~missing & ~good), f"{{}} is not {expected}"),
        Problem(name, "negative", np.flatnonzero(good & (seconds < 0)), "{} is before 1970"),
    )
