"""Prepared sequences, one record of which is replaced: they are refused, or are what preparing data writes."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from rrn_tf.beam.encoding.tfrecords import write_tfrecords
from rrn_tf.beam.prepare_events import prepare_events
from rrn_tf.checksums import DamagedFileError
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.config import DataConfig
from rrn_tf.data.load_events import load_events
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.data.synthetic import SyntheticConfig, generate
from rrn_tf.features import SIDES, Side
from tests.fuzz.targets import one_line
from tests.prepared import write_synthetic

_COLUMNS = ("row_splits", "step", "rating_splits", "opposite", "opposite_row", "rating", "timestamp", "split")


class Prepared(NamedTuple):
    """A prepared data set: its folder, and the records of each of its files."""

    folder: Path
    records: dict[Path, list[bytes]]


@cache
def _root() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="rrn-fuzz-")


@cache
def prepared(*, events: bool) -> Prepared:
    """Prepares a few generated ratings or events."""
    folder = Path(_root().name, "events" if events else "ratings")
    made = generate(SyntheticConfig(users=10, items=8, ratings=40, days=30, seed=3, sitting=5))
    if events:
        folder.mkdir()
        file = folder / "events.csv"
        rows = zip(made.user_id, made.item_id, made.timestamp, strict=True)
        file.write_text("user_id,item_id,timestamp\n" + "".join(f"{u},{i},{t}\n" for u, i, t in rows))
        config = EventDataConfig(min_item_events=1, min_user_events=2, holdout=0.1, min_holdout=1, shards=1)
        prepare_events(str(file), str(folder), config, dead_letters=str(folder / "dead_letters.jsonl"))
        file.unlink()
    else:
        write_synthetic(made, folder, DataConfig(shards=1, steps_per_doubling=2))
    files = [next(folder.glob(f"{side.sequences}-*")) for side in (SIDES[:1] if events else SIDES)]
    return Prepared(folder, {file: list(tf.data.TFRecordDataset(str(file)).as_numpy_iterator()) for file in files})


_NUMBERS = (0, 1, 2, 5, -1, 3, 4, 100, 2**31, 2**32 + 1, -(2**63), 2**63 - 1, 1_400_000_000, 256, 255, -2)
_REALS = (0.0, 1.0, 5.0, -1.0, 1e38, float("nan"), float("inf"), 3.5)


def edited(record: bytes, edits: bytes) -> bytes:
    """Edits a sequence's lists: of four bytes each, they choose the list, the step, what becomes of it, and a value."""
    example = tf.train.SequenceExample.FromString(record)
    lists = example.feature_lists.feature_list
    names = sorted(lists)
    for which, where, what, value in zip(*(edits[k::4] for k in range(4)), strict=False):
        steps = lists[names[which % len(names)]].feature
        if which % (len(names) + 1) == len(names):
            example.context.feature["entity_index"].int64_list.value[0] = _NUMBERS[value % len(_NUMBERS)]
            continue
        if not steps:
            continue
        step = steps[where % len(steps)]
        values = step.float_list.value if step.HasField("float_list") else step.int64_list.value
        of = _REALS if step.HasField("float_list") else _NUMBERS
        match what % 8:
            case 0 if values:
                values[value // 16 % len(values)] = of[value % len(of)]
            case 1:
                values.append(of[value % len(of)])
            case 2 if values:
                values.pop()
            case 3:
                steps.add().CopyFrom(step)
            case 4:
                steps.pop()
            case 5 if values:
                values[0] = min(max(values[0] + value - 128, -(2**63)), 2**63 - 1)
            case 6:
                step.bytes_list.value.append(b"text")
            case 7 if values:
                values[:] = list(values)[::-1]
            case _:
                pass
    return example.SerializeToString()


def sequences(data: bytes) -> None:
    """Reads sequences, of which the bytes after the first are one record, edits of one, or a whole file.

    The first byte chooses which, and ratings or events, the side and the entity.
    """
    chosen, content = data[0] if data else 0, data[1:]
    of = prepared(events=bool(chosen & 1))
    file, records = list(of.records.items())[(chosen >> 1 & 1) % len(of.records)]
    place = (chosen >> 2 & 7) % len(records)
    if chosen & 64:
        content = edited(records[place], content)
    try:
        if chosen & 128:
            file.write_bytes(content)
        else:
            write_tfrecords(str(file), [*records[:place], content, *records[place + 1 :]])
        (_events_are_prepared if chosen & 1 else _ratings_are_prepared)(of.folder)
    except DamagedFileError as error:
        one_line(error)
    finally:
        write_tfrecords(str(file), records)


def _ratings_are_prepared(folder: Path) -> None:
    """Checks that the ratings of a folder, prepared again, are what was read."""
    read = load_sequences(folder)
    again = read.without(())
    for side in SIDES:
        for name in _COLUMNS:
            np.testing.assert_array_equal(getattr(read.side(side), name), getattr(again.side(side), name), name)
        assert len(read.ids(side)) == len(read.side(side).row_splits) - 2
    assert np.isfinite(read.user.rating).all()
    assert int(read.side(Side.USER).split.max()) < 5


def _events_are_prepared(folder: Path) -> None:
    read = load_events(folder)
    for user in range(1, read.num_users + 1):
        own = slice(*read.user_splits[user : user + 2])
        assert len(read.item[own])
        assert (np.diff(read.timestamp[own]) >= 0).all()
        assert (np.diff(read.split[own].astype(int)) >= 0).all()
        assert set(read.item[own].tolist()) <= set(range(1, read.num_items + 1))
        assert set(read.split[own].tolist()) <= {0, 1, 2}
