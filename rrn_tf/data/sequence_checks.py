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


class SideCheck:
    """Checks that a side has its ratings in the order and in the steps in which they are prepared, part by part.

    Args:
      where: the beginning of messages.
      side: the side.
      metadata: that of the prepared data.

    Attributes:
      mixed: all ratings with their steps, mixed and added up, so that the order has no effect.
    """

    def __init__(self, where: str, side: Side, metadata: SequenceMetadata) -> None:
        self._where, self._side, self._metadata = where, side, metadata
        self._counts = np.zeros(len(Split), np.int64)
        self.mixed = 0

    def add(self, first: int, part: SideSequences) -> None:
        """Checks the next entities.

        Args:
          first: the first of them.
          part: their sequences, with an entry of `row_splits` for each of these entities and one more; `opposite_row`
            counts from each opposite entity's first step.

        Raises:
          DamagedFileError: if they are not as they are prepared.
        """
        where, metadata = self._where, self._metadata
        trained = part.step[part.row_splits[:-1]] < 0
        if not np.array_equal(trained, np.arange(first, first + len(trained)) <= metadata.entities(self._side).trained):
            _refuse(where, "those with training ratings first, found others")
        self._counts += np.bincount(part.split, minlength=len(Split))
        ratings = part.rating_splits[part.row_splits]
        for begin, end in _blocks(ratings):
            of = slice(ratings[begin], ratings[end])
            rows = slice(part.row_splits[begin], part.row_splits[end])
            entity = np.repeat(np.arange(begin, end), np.diff(ratings[begin : end + 1]))
            time, opposite = part.timestamp[of].astype(np.int64), part.opposite[of]
            _check_order(where, features.TIMESTAMP, time, entity, opposite)
            starts = row_starts(entity, time, metadata.cutoff, metadata.step_rule(self._side))
            step = step_of(time[starts], metadata.cutoff, metadata.granularity(self._side))
            same = np.array_equal(starts + ratings[begin], part.rating_splits[:-1][rows])
            if not same or not np.array_equal(step, part.step[rows]):
                _refuse(where, "the steps of the metadata's rule, found others")
            if not np.array_equal(part.split[of] == Split.TRAIN, time < metadata.cutoff):
                _refuse(where, "training ratings before the cutoff and others after it, found one on the other side")
        self.mixed = (self.mixed + _mixed(first, part)) % 2**64

    def end(self) -> None:
        """Checks how many ratings of each split there were.

        Raises:
          DamagedFileError: if there were not as many as the metadata say.
        """
        found = dict(zip((split.label for split in Split), self._counts.tolist(), strict=True))
        if found != self._metadata.ratings:
            _refuse(self._where, f"the ratings {self._metadata.ratings}, found {found}")


def check_opposite_rows(where: str, side: SideSequences, opposite: SideSequences) -> None:
    """Checks that a side's `opposite_row`, counted from each opposite entity's first step, names steps that there are.

    Raises:
      DamagedFileError: if one does not.
    """
    if (side.opposite_row >= np.diff(opposite.row_splits).astype(np.int32)[side.opposite]).any():
        _refuse(where, f"{features.OPPOSITE_ROW} below the number of steps, found one that is not")


def check_same_ratings(where: str, user: SideCheck, item: SideCheck) -> None:
    """Checks that both sides hold the same ratings, each in the step that its opposite names.

    Raises:
      DamagedFileError: if they do not.
    """
    if user.mixed != item.mixed:
        _refuse(where, "the same ratings, in the same steps, in the sequences of both sides, found others")


def _mixed(first: int, part: SideSequences) -> int:
    """Mixes each rating with its steps, users' first, and adds all up; arguments as of `SideCheck.add`."""
    total, rows = np.uint64(0), np.diff(part.row_splits)
    entity = np.repeat(np.arange(first, first + len(rows)), rows)
    # An entity and the place of a step within it are below 2**31 each.
    row = (entity << 32) + np.arange(len(entity)) - np.repeat(part.row_splits[:-1], rows)
    for begin, end in _blocks(part.rating_splits):
        of = slice(part.rating_splits[begin], part.rating_splits[end])
        own = np.repeat(row[begin:end], np.diff(part.rating_splits[begin : end + 1]))
        other = (part.opposite[of].astype(np.int64) << 32) + part.opposite_row[of]
        mixed = np.zeros(len(own), np.uint64)
        for column in (
            *((own, other) if part.side is Side.USER else (other, own)),
            part.timestamp[of],
            part.rating[of].view(np.int32),
            part.split[of],
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
