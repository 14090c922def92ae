"""Prepared files that hold anything else than preparing data writes are refused."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from rrn_tf.beam.encoding.tfrecords import write_tfrecords
from rrn_tf.checksums import DamagedFileError
from rrn_tf.data.load_events import load_events
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.features import OPPOSITE_INDEX, OPPOSITE_ROW, RATING, SPLIT, STEP, TIMESTAMP
from tests.fuzz.sequences import prepared

Edit = Callable[[Any], object]
FIRST, LAST = 0, -1  # the edited entity


def numbers(sequence: Any, name: str, step: int = 0) -> Any:
    """The values of a list at a step."""
    feature = sequence.feature_lists.feature_list[name].feature[step]
    return feature.float_list.value if name == RATING else feature.int64_list.value


def put(name: str, value: Any, step: int = 0, place: int = 0) -> Edit:
    return lambda sequence: numbers(sequence, name, step).__setitem__(place, value)


def moved(name: str, by: int, step: int = 0, place: int = 0) -> Edit:
    def edit(sequence: Any) -> None:
        numbers(sequence, name, step)[place] += by

    return edit


def without(name: str) -> Edit:
    return lambda sequence: sequence.feature_lists.feature_list.pop(name)


def one_step_less(name: str) -> Edit:
    return lambda sequence: sequence.feature_lists.feature_list[name].feature.pop()


def empty(sequence: Any) -> None:
    for steps in sequence.feature_lists.feature_list.values():
        del steps.feature[:]


def text(sequence: Any) -> None:
    sequence.feature_lists.feature_list[RATING].feature[0].bytes_list.value.append(b"5")


def copied(tmp_path: Path, *, events: bool, file: int, entity: int, edit: Edit) -> Path:
    """Copies a prepared data set, one entity of which is edited."""
    of = prepared(events=events)
    shutil.copytree(of.folder, tmp_path / "copy")
    path, records = list(of.records.items())[file]
    sequence = tf.train.SequenceExample.FromString(records[entity])
    edit(sequence)
    place = range(len(records))[entity]
    write_tfrecords(
        str(tmp_path / "copy" / path.name), [*records[:place], sequence.SerializeToString(), *records[place + 1 :]]
    )
    return tmp_path / "copy"


def refused(folder: Path, load: Callable[[Path], object], message: str) -> None:
    with pytest.raises(DamagedFileError, match=message) as told:
        load(folder)
    assert str(told.value).startswith(str(folder))
    assert "\n" not in str(told.value)
    assert str(told.value).endswith("prepare the data again, by rrn train without --resume or rrn run with --no-cache")


RATINGS_EDITS: dict[str, tuple[Edit, str]] = {
    "no opposite 0": (put(OPPOSITE_INDEX, 0), "opposite_index from 1 to [0-9]+, found 0"),
    "no opposite beyond": (put(OPPOSITE_INDEX, 2**32 + 1), "opposite_index from 1 to [0-9]+, found 4294967297"),
    "no negative step": (put(OPPOSITE_ROW, -1), "opposite_row from 0 to 2147483647, found -1"),
    "no step beyond": (put(OPPOSITE_ROW, 99), "opposite_row below the number of steps"),
    "no split 256": (put(SPLIT, 256), "split from 0 to 4, found 256"),
    "another split": (put(SPLIT, 2), "training ratings before the cutoff and others after it"),
    "no such time": (put(TIMESTAMP, 2**62), "timestamp from -[0-9]+ to 253402300799, found 4611686018427387904"),
    "NaN": (put(RATING, float("nan")), "a finite rating, found nan"),
    "infinite": (put(RATING, float("-inf")), "a finite rating, found -inf"),
    "a rating of one side": (put(RATING, 2.25), "the same ratings, in the same steps"),
    "a later time": (moved(TIMESTAMP, 10**8), "timestamp in ascending order"),
    "a second later": (moved(TIMESTAMP, 1), "the same ratings, in the same steps"),
    "another step": (moved(STEP, -1), "the steps of the metadata's rule"),
    "a step missing": (one_step_less(STEP), "as many steps of step as of opposite_index"),
    "ratings missing": (one_step_less(RATING), "as many steps of rating as of opposite_index"),
    "a list missing": (without(SPLIT), "as many steps of split as of opposite_index"),
    "two steps in one": (lambda s: numbers(s, STEP).append(5), "one step for each step"),
    "more times": (lambda s: numbers(s, TIMESTAMP).append(5), "as many values of timestamp as of opposite_index"),
    "a step without ratings": (lambda s: [numbers(s, n).pop() for n in (RATING, SPLIT)], "as many values"),
    "nothing": (empty, "each to have a step"),
    "another type": (text, "the features of rrn_tf, found others"),
    "no index": (lambda s: s.context.feature.pop("entity_index"), "the features of rrn_tf, found others"),
    "another index": (
        lambda s: s.context.feature["entity_index"].int64_list.value.__setitem__(0, 7),
        "in order, found",
    ),
    "another name": (lambda s: s.context.feature["entity_id"].bytes_list.value.__setitem__(0, b"x"), "in order, found"),
}


@pytest.mark.parametrize("file", [0, 1], ids=["users", "items"])
@pytest.mark.parametrize("edit", RATINGS_EDITS)
def test_other_ratings_than_prepared_are_refused(edit: str, file: int, tmp_path: Path) -> None:
    change, message = RATINGS_EDITS[edit]
    refused(copied(tmp_path, events=False, file=file, entity=FIRST, edit=change), load_sequences, message)


@pytest.mark.parametrize(("file", "entity"), [(0, LAST), (1, FIRST)], ids=["users", "items"])
def test_another_number_of_ratings_of_a_split_is_refused(file: int, entity: int, tmp_path: Path) -> None:
    def edit(sequence: Any) -> None:
        of = numbers(sequence, SPLIT, LAST)
        assert of[LAST] > 0, "the entity has ratings after the cutoff"
        of[LAST] = of[LAST] % 4 + 1

    folder = copied(tmp_path, events=False, file=file, entity=entity, edit=edit)
    refused(folder, load_sequences, r"the ratings \{'train'")


EVENT_EDITS: dict[str, tuple[Edit, str]] = {
    "no item 0": (put(OPPOSITE_INDEX, 0), "opposite_index from 1 to [0-9]+, found 0"),
    "no cold split": (put(SPLIT, 3, LAST), "split from 0 to 2, found 3"),
    "another split": (put(SPLIT, 1, LAST), r"the events \{'train'"),
    "splits in another order": (put(SPLIT, 2), "split in ascending order, found 0 after 2"),
    "a later time": (put(TIMESTAMP, 2 * 10**9), "timestamp in ascending order, found [0-9]+ after 2000000000"),
    "two items at once": (lambda s: numbers(s, OPPOSITE_INDEX).append(1), "one opposite_index for each step"),
    "an event without a time": (one_step_less(TIMESTAMP), "as many steps of timestamp as of opposite_index"),
}


@pytest.mark.parametrize("edit", EVENT_EDITS)
def test_other_events_than_prepared_are_refused(edit: str, tmp_path: Path) -> None:
    change, message = EVENT_EDITS[edit]
    refused(copied(tmp_path, events=True, file=0, entity=FIRST, edit=change), load_events, message)


def test_files_of_other_entities_are_refused(tmp_path: Path) -> None:
    of = prepared(events=False)
    (path, records), _ = of.records.items()
    for number, kept in enumerate(([], records[:-1], [*records, records[0]], records[::-1])):
        folder = tmp_path / str(number)
        shutil.copytree(of.folder, folder)
        write_tfrecords(str(folder / path.name), kept)
        refused(folder, load_sequences, f"expected those of (the )?{len(records)} users")


def test_another_number_of_ids_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path, events=False, file=0, entity=FIRST, edit=lambda sequence: None)
    load_sequences(folder)
    (folder / "users.txt").write_text("a\nb\n")
    (folder / "checksums.json").unlink(missing_ok=True)
    refused(folder, load_sequences, re.escape("users.txt: expected "))
