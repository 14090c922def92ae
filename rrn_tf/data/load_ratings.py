"""Loads prepared ratings from TFRecords into memory: all of them, or those of some entities."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf import features
from rrn_tf.data.metadata import SequenceMetadata
from rrn_tf.data.sequence_checks import SideCheck, bounds_of, check_opposite_rows, check_same_ratings
from rrn_tf.data.sequence_files import read_side, read_vocabulary
from rrn_tf.data.sequences import INDEX, Divided, RatingSequences, SideSequences, count_from_first
from rrn_tf.features import SIDES, Side, Split

_ROWS, _RATINGS = "rows", "ratings"  # numbers of steps per sequence and of ratings per step

# How the columns of sequences are stored.
STORED: dict[str, type[np.generic]] = {
    features.STEP: np.int64,
    features.OPPOSITE_INDEX: INDEX,
    features.OPPOSITE_ROW: INDEX,
    features.RATING: np.float32,
    features.TIMESTAMP: np.int32,  # if all times fit
    features.SPLIT: np.uint8,
}


def load_sequences(directory: str | Path) -> RatingSequences:
    """Reads a prepared data set.

    Args:
      directory: holds `metadata.json`, the vocabularies and, there or one folder below, the
        TFRecord files of both sides.

    Raises:
      FileNotFoundError: for a missing file.
      DamagedFileError: if the files do not hold what is prepared, or the two sides not the same ratings.
    """
    metadata, ids = _described(directory)
    return _checked(directory, metadata, ids, {side: _read(directory, side, metadata, ids[side]) for side in SIDES})


def load_steps(directory: str | Path) -> RatingSequences:
    """Reads the steps of a prepared data set and how many ratings each has, without the ratings, which are nobody's.

    Arguments and errors are those of `load_sequences`; what is not read is not checked either.
    """
    metadata, ids = _described(directory)
    sides = {}
    for side in SIDES:
        nobody = np.full(len(ids[side]) + 1, -1, np.int16)
        spec = {name: features.sequence_feature_spec()[name] for name in (features.STEP, features.RATING)}
        flat = _flat(directory, side, metadata, ids[side], spec, 0, held=nobody >= 0)
        sides[side] = _arrays(side, flat, owner=nobody)
    return RatingSequences(metadata, sides[Side.USER], sides[Side.ITEM], ids[Side.USER], ids[Side.ITEM])


def load_part(
    directory: str | Path, steps: RatingSequences, owner: Mapping[Side, npt.NDArray[np.int16]], number: int
) -> RatingSequences:
    """Reads the ratings of one of several workers, and checks those of all.

    Args:
      directory: as for `load_sequences`.
      steps: the steps of that directory, of which other ratings may be here.
      owner: int16[E + 1] for each side that is read, the number of the worker of each entity; the other side is that
        of `steps`.
      number: this worker's.

    Raises:
      FileNotFoundError, DamagedFileError: as by `load_sequences`; that both sides hold the same ratings is checked if
        both are read.
    """
    metadata, read = steps.metadata, {}
    for side, of in owner.items():
        splits = steps.side(side).all_rating_splits[steps.side(side).row_splits]
        room = int(np.diff(splits)[of == number].sum())
        read[side] = _read(directory, side, metadata, steps.ids(side), of, number, room)
    return _checked(directory, metadata, {side: steps.ids(side) for side in SIDES}, read, steps)


def _checked(
    directory: str | Path,
    metadata: SequenceMetadata,
    ids: Mapping[Side, npt.NDArray[np.object_]],
    read: Mapping[Side, tuple[SideSequences, SideCheck]],
    steps: RatingSequences | None = None,
) -> RatingSequences:
    """Checks what was read, and joins both sides; one that was not read is that of `steps`."""
    sides = {side: read[side][0] if side in read or steps is None else steps.side(side) for side in SIDES}
    for side in read:
        check_opposite_rows(f"{directory}: {side.sequences}", sides[side], sides[side.opposite])
    if len(read) == len(SIDES):
        check_same_ratings(str(directory), *(check for _, check in read.values()))
    for side in read:
        count_from_first(sides[side], sides[side.opposite])
    return RatingSequences(metadata, sides[Side.USER], sides[Side.ITEM], ids[Side.USER], ids[Side.ITEM])


def _described(directory: str | Path) -> tuple[SequenceMetadata, dict[Side, npt.NDArray[np.object_]]]:
    metadata = SequenceMetadata.load(directory)
    return metadata, {side: read_vocabulary(directory, side, metadata.entities(side).total) for side in SIDES}


def _read(
    directory: str | Path,
    side: Side,
    metadata: SequenceMetadata,
    ids: npt.NDArray[np.object_],
    owner: npt.NDArray[np.int16] | None = None,
    number: int = 0,
    room: int | None = None,
) -> tuple[SideSequences, SideCheck]:
    """Reads and checks a side; its `opposite_row` still counts from each opposite entity's first step."""
    check = SideCheck(f"{directory}: {side.sequences}", side, metadata)

    def inspect(first: int, flat: Mapping[str, npt.NDArray[Any]]) -> None:
        check.add(first, _arrays(side, flat, before=()))

    room = sum(metadata.ratings.values()) if room is None else room
    held, spec = None if owner is None else owner == number, features.sequence_feature_spec()
    flat = _flat(directory, side, metadata, ids, spec, room, held=held, inspect=inspect)
    check.end()
    return _arrays(side, flat, owner=owner, number=number), check


def _flat(
    directory: str | Path,
    side: Side,
    metadata: SequenceMetadata,
    ids: npt.NDArray[np.object_],
    spec: dict[str, Any],
    room: int,
    **options: Any,
) -> dict[str, npt.NDArray[Any]]:
    bounds = bounds_of(metadata.entities(side.opposite).total, max(Split))
    return read_side(directory, side, spec, _lengths, ids, STORED, (features.STEP,), bounds, room, **options)


def _lengths(lists: dict[str, tf.RaggedTensor]) -> dict[str, tf.Tensor]:
    return {_ROWS: lists[features.STEP].row_lengths(), _RATINGS: lists[features.RATING].values.row_lengths()}


def _arrays(
    side: Side,
    flat: Mapping[str, npt.NDArray[Any]],
    before: tuple[int, ...] = (0,),
    owner: npt.NDArray[np.int16] | None = None,
    number: int = 0,
) -> SideSequences:
    """Makes a side of what was read.

    Args:
      side: the side.
      flat: the arrays, of which those of ratings hold the own ones.
      before: the numbers of steps of entities before the first that was read: of the unknown entity, by default.
      owner, number: as for `load_part`; by default all ratings were read.
    """
    rows, ratings = flat[_ROWS], flat[_RATINGS]
    divided = None if owner is None else Divided(owner, ratings.astype(np.int32))
    if owner is not None:
        ratings = np.where(np.repeat(owner[len(before) :] == number, rows), ratings, 0)
    columns = {name: flat.get(name, np.empty(0, kind)) for name, kind in STORED.items()}
    return SideSequences(
        side=side,
        row_splits=np.concatenate([[0], np.cumsum([*before, *rows])]).astype(np.int64),
        step=columns[features.STEP],
        rating_splits=np.concatenate([[0], np.cumsum(ratings)]).astype(np.int64),
        opposite=columns[features.OPPOSITE_INDEX],
        opposite_row=columns[features.OPPOSITE_ROW],
        rating=columns[features.RATING],
        timestamp=columns[features.TIMESTAMP],
        split=columns[features.SPLIT],
        divided=divided,
    )
