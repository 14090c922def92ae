"""Checks that sequences read from files are what preparing data writes, before anything is computed from them."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rrn_tf import features
from rrn_tf.checksums import DamagedFileError
from rrn_tf.data.prepared import MEND
from rrn_tf.data.rows import row_starts
from rrn_tf.data.wallclock import step_of
from rrn_tf.features import Side, Split
from rrn_tf.times import LAST_SECOND

if TYPE_CHECKING:
    import tensorflow as tf

    from rrn_tf.data.events import EventSequences
    from rrn_tf.data.metadata import EventMetadata, SequenceMetadata
    from rrn_tf.data.sequences import SideSequences

Bounds = Mapping[str, tuple[int, int]]
_BLOCK = 1 << 18  # ratings that are checked at once, so that working arrays take megabytes
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, with bits set evenly
_ANY = (int(np.iinfo(np.int64).min), int(np.iinfo(np.int64).max))


def bounds_of(opposite: int, last_split: Split) -> Bounds:
    """Returns the least and the largest value that each integer of a rating or event may have.

    Args:
      opposite: number of entities on the other side.
      last_split: the largest split.
    """
    return {
        features.OPPOSITE_INDEX: (1, opposite),
        features.OPPOSITE_ROW: (0, int(np.iinfo(np.int32).max)),
        features.TIMESTAMP: (-LAST_SECOND, LAST_SECOND),
        features.SPLIT: (0, int(last_split)),
    }


def check_lengths(where: str, lists: Mapping[str, tf.RaggedTensor], single: Collection[str]) -> None:
    """Checks that the lists of some sequences, [sequences, (steps), (values)], fit together.

    Args:
      where: the beginning of the message.
      lists: the parsed feature lists by name.
      single: the lists with one value for each step; the others have one or more, all as many as the others.

    Raises:
      DamagedFileError: if they do not.
    """
    (first, like), *others = lists.items()
    steps = like.row_splits.numpy()
    if (np.diff(steps) < 1).any():
        _refuse(where, f"each to have a step, found one without {first}")
    for name, ragged in others:
        if not np.array_equal(ragged.row_splits.numpy(), steps):
            _refuse(where, f"as many steps of {name} as of {first}, found another number")
    counts = {name: np.diff(ragged.values.row_splits.numpy()) for name, ragged in lists.items()}
    for name in single:
        if (counts[name] != 1).any():
            _refuse(where, f"one {name} for each step, found another number")
    several = [name for name in lists if name not in single]
    for name in several:
        if (counts[name] < 1).any() or not np.array_equal(counts[name], counts[several[0]]):
            _refuse(where, f"as many values of {name} as of {several[0]} for each step, found another number")


def check_values(where: str, name: str, values: npt.NDArray[Any], bounds: Bounds) -> None:
    """Checks the values of a list: within its bounds and, if they are not integers, finite.

    Raises:
      DamagedFileError: if one is not.
    """
    if not len(values):
        return
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            _refuse(where, f"a finite {name}, found {values[~np.isfinite(values)][0]}")
        return
    low, high = bounds.get(name, _ANY)
    for found in (int(values.min()), int(values.max())):
        if not low <= found <= high:
            _refuse(where, f"{name} from {low} to {high}, found {found}")


def check_sides(where: str, user: SideSequences, item: SideSequences, metadata: SequenceMetadata) -> None:
    """Checks each side, and that both hold the same ratings; arguments and errors as for these two checks."""
    for side in (user, item):
        check_side(f"{where}: {side.side.sequences}", side, metadata)
    check_same_ratings(where, user, item)


def check_side(where: str, side: SideSequences, metadata: SequenceMetadata) -> None:
    """Checks that a side has its ratings in the order and in the steps in which they are prepared.

    Raises:
      DamagedFileError: if it has not.
    """
    trained = side.step[side.row_splits[1:-1]] < 0
    if not np.array_equal(trained, np.arange(len(trained)) < metadata.entities(side.side).trained):
        _refuse(where, "those with training ratings first, found others")
    found = dict(
        zip((split.label for split in Split), np.bincount(side.split, minlength=len(Split)).tolist(), strict=True)
    )
    if found != metadata.ratings:
        _refuse(where, f"the ratings {metadata.ratings}, found {found}")
    ratings = side.rating_splits[side.row_splits]
    for begin, end in _blocks(ratings):
        part = slice(ratings[begin], ratings[end])
        rows = slice(side.row_splits[begin], side.row_splits[end])
        entity = np.repeat(np.arange(begin, end), np.diff(ratings[begin : end + 1]))
        time, opposite = side.timestamp[part].astype(np.int64), side.opposite[part]
        _check_order(where, features.TIMESTAMP, time, entity, opposite)
        starts = row_starts(entity, time, metadata.cutoff, metadata.step_rule(side.side))
        step = step_of(time[starts], metadata.cutoff, metadata.granularity(side.side))
        same = np.array_equal(starts + ratings[begin], side.rating_splits[:-1][rows])
        if not same or not np.array_equal(step, side.step[rows]):
            _refuse(where, "the steps of the metadata's rule, found others")
        if not np.array_equal(side.split[part] == Split.TRAIN, time < metadata.cutoff):
            _refuse(where, "training ratings before the cutoff and others after it, found one on the other side")


def check_same_ratings(where: str, user: SideSequences, item: SideSequences) -> None:
    """Checks that both sides hold the same ratings, each in the step that its opposite names.

    Args:
      where: the beginning of the message.
      user, item: the sides, whose `opposite_row` still counts from each opposite entity's first step.

    Raises:
      DamagedFileError: if they do not.
    """
    if len(user.rating) != len(item.rating):
        both = f"{user.side.sequences} and {item.side.sequences}"
        _refuse(where, f"the same ratings in {both}, found {len(user.rating)} and {len(item.rating)}")
    for side, opposite in ((user, item), (item, user)):
        if (side.opposite_row >= np.diff(opposite.row_splits).astype(np.int32)[side.opposite]).any():
            name = features.OPPOSITE_ROW
            _refuse(f"{where}: {side.side.sequences}", f"{name} below the number of steps, found one that is not")
    if _mixed(user, item) != _mixed(item, user):
        _refuse(where, "the same ratings, in the same steps, in the sequences of both sides, found others")


def _mixed(side: SideSequences, opposite: SideSequences) -> int:
    """Mixes each rating with its steps, users' first, and adds all up, so that the order has no effect."""
    total = np.uint64(0)
    for begin, end in _blocks(side.rating_splits):
        part = slice(side.rating_splits[begin], side.rating_splits[end])
        own = np.repeat(np.arange(begin, end), np.diff(side.rating_splits[begin : end + 1]))
        other = opposite.row_splits[side.opposite[part]] + side.opposite_row[part]
        mixed = np.zeros(len(own), np.uint64)
        for column in (
            *((own, other) if side.side is Side.USER else (other, own)),
            side.timestamp[part],
            side.rating[part].view(np.int32),
            side.split[part],
        ):
            mixed = (mixed ^ column.astype(np.int64).view(np.uint64)) * _FACTOR
            mixed ^= mixed >> np.uint64(32)
        total += mixed.sum(dtype=np.uint64)
    return int(total)


def _blocks(splits: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yields ranges of segments, which begin and end at splits, of about `_BLOCK` values each."""
    block = splits[:-1] // _BLOCK
    borders = [0, *(np.flatnonzero(block[1:] != block[:-1]) + 1).tolist(), len(block)]
    yield from itertools.pairwise(borders)


def check_events(where: str, events: EventSequences, metadata: EventMetadata) -> None:
    """Checks that there are all events, those of each user in order of time and of split.

    Raises:
      DamagedFileError: if they are not.
    """
    _check_order(where, features.TIMESTAMP, events.timestamp, events.user)
    _check_order(where, features.SPLIT, events.split, events.user)
    counts = np.bincount(events.split, minlength=len(Split)).tolist()
    found = {split.label: counts[split] for split in (Split.TRAIN, Split.VALID, Split.TEST)}
    if found != metadata.events:
        _refuse(where, f"the events {metadata.events}, found {found}")
    if not np.bincount(events.item[events.split == Split.TRAIN], minlength=events.num_items + 1)[1:].all():
        _refuse(where, "a training event of each item, found an item without one")


def _check_order(
    where: str, name: str, values: npt.NDArray[Any], entity: npt.NDArray[Any], then: npt.NDArray[Any] | None = None
) -> None:
    """Checks that the values of each entity ascend, and where they are equal those of another column."""
    same = entity[1:] == entity[:-1]
    falls = same & (values[1:] < values[:-1])
    if falls.any():
        _refuse(where, f"{name} in ascending order, found {values[1:][falls][0]} after {values[:-1][falls][0]}")
    if then is not None and (same & (values[1:] == values[:-1]) & (then[1:] < then[:-1])).any():
        _refuse(where, "ratings of one second in order of their indices, found another order")


def _refuse(where: str, expected: str) -> None:
    raise DamagedFileError(f"{where}: expected {expected}: {MEND}")
