"""Every command that reads files has the same verdict on each row."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pytest

from rrn_tf.beam.prepare import prepare_sequences
from rrn_tf.beam.prepare_events import prepare_events
from rrn_tf.beam.reading import read_ratings
from rrn_tf.beam.reading.dead_letters import WriteDeadLetters
from rrn_tf.beam.reading.new_rows import read_new_events, read_new_ratings
from rrn_tf.beam.reading.read_ratings import ReadRatings
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.config import DataConfig
from rrn_tf.evaluation.protocols import FROZEN, STREAMING
from rrn_tf.features import COLUMNS, EVENT_COLUMNS, ITEM_ID, RATING, TIMESTAMP, USER_ID, Side
from rrn_tf.serving.query_file import evaluate_file, predict_file
from rrn_tf.serving.user_file import read_users
from tests.data.reading.bad_rows import BAD_ROWS, GOOD_ROWS, HEADER, QUOTED_NEWLINE

# Each row, which may be of two lines, and the reasons for which its lines are rejected; "" for a good one.
ODD_ROWS = [
    *((row, [reason]) for row, reason in BAD_ROWS.values()),
    QUOTED_NEWLINE,
    *((row, [""]) for row, _ in GOOD_ROWS),
    (b"", []),
    (b"o1,i,3,17.0", [""]),
    (b"o2,i,3,+17", [""]),
    (b"o3,i,3, 17 ", [""]),
    (b" ,i,3,17", ["user_id_missing"]),
    (b"o4,\xe9,3,17", ["invalid_utf8"]),
    (b"o5,i,3,17,", ["field_count"]),
    # Enough of one user for rules on events to leave something.
    *((b"w,w%d,3,%d" % (k % 3, k), [""]) for k in range(9)),
]
# A file in none of the library's own formats: other names and separators, times of several kinds, rows of two lines.
OTHER_ROWS = [
    (b'u1;"i;1";3;2005-09-06;x', ""),
    (b'u2;i2;4.5;1.2e+09;"two', ""),
    (b'lines"', None),
    (b"u3;i3;3;2008-02-30;x", "timestamp_not_a_number"),
    (b"u4;i4;four;17.5;x", "rating_not_a_number"),
    (b"u5;;3;2005-09-06T12:00:00+02:00;x", "item_id_missing"),
    (b'u6;i6;3;17;"open', "unbalanced_quotes"),
    (b"u7;i7;3;17", "field_count"),
    *((b"w;w%d;3;2005-09-06 12:00:%02d;x" % (k % 3, k), "") for k in range(9)),
]
Verdicts = dict[int, str]


class Constant:
    """Predicts 1 for whoever asks, and streams nothing."""

    cutoff = until = 10**12
    metadata = SimpleNamespace(rating_min=0.0, rating_max=10.0, rating_mean=3.0)

    def known(self, side: Side, ids: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
        return np.ones(len(ids), bool)

    def predict(self, user: npt.ArrayLike, item: npt.ArrayLike, time: npt.ArrayLike) -> npt.NDArray[np.float32]:
        return np.ones(len(np.asarray(user)), np.float32)


def odd_file(path: Path) -> tuple[Path, dict[int, str]]:
    """A file of all odd rows, with a byte order mark, and the verdict on each of its lines but the blank one."""
    path.write_bytes(b"\xef\xbb\xbf" + HEADER + b"\n".join(row for row, _ in ODD_ROWS) + b"\n")
    verdicts = [part for row, reasons in ODD_ROWS for part in (reasons if row else [None])]
    return path, {line: verdict for line, verdict in enumerate(verdicts, start=2) if verdict is not None}


def other_file(path: Path) -> tuple[Path, dict[int, str]]:
    """A gzip file of other rows in UTF-16, and the verdict on each of them by their first lines."""
    text = b"\n".join([b"userId;movieId;rating;timestamp;text", *(row for row, _ in OTHER_ROWS)]).decode()
    path.write_bytes(gzip.compress(text.encode("utf-16")))
    return path, {line: verdict for line, (_, verdict) in enumerate(OTHER_ROWS, start=2) if verdict is not None}


def of_columns(verdicts: Verdicts, *columns: str) -> Verdicts:
    """The verdicts of a command that reads these columns alone."""
    passed_over = tuple(f"{name}_" for name in COLUMNS if name not in columns)
    return {line: "" if verdict.startswith(passed_over or "none") else verdict for line, verdict in verdicts.items()}


def rejected_lines(verdicts: Verdicts) -> Verdicts:
    return {line: verdict for line, verdict in verdicts.items() if verdict}


def letters(path: Path) -> Verdicts:
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return {letter["line"]: letter["reason"] for letter in found if letter["reason"] != "duplicate"}


def train(path: Path, out: Path) -> Verdicts:
    dead, config = out / "dead.jsonl", DataConfig(max_bad_share=1, shards=1)
    prepare_sequences(str(path), str(out), config, dead_letters=str(dead))
    return letters(dead)


def train_events(path: Path, out: Path) -> Verdicts:
    config = EventDataConfig(max_bad_share=1, shards=1, min_item_events=1, min_user_events=1, min_user_entropy=0)
    prepare_events(str(path), str(out), config, dead_letters=str(out / "dead.jsonl"))
    return letters(out / "dead.jsonl")


def update(path: Path, out: Path) -> Verdicts:
    read_new_ratings(str(path), 0, str(out / "dead.jsonl"), max_bad_share=1)
    return letters(out / "dead.jsonl")


def update_events(path: Path, out: Path) -> Verdicts:
    read_new_events(str(path), str(out / "dead.jsonl"), max_bad_share=1)
    return letters(out / "dead.jsonl")


def score(path: Path, out: Path) -> Verdicts:
    with beam.Pipeline() as pipeline:
        read = pipeline | ReadRatings(str(path), EVENT_COLUMNS, block_bytes=100)
        written = WriteDeadLetters(str(out / "dead.jsonl"), 1, read[read_ratings.ROWS])
        _ = read[read_ratings.REJECTED] | written
    return letters(out / "dead.jsonl")


def predicted(path: Path, out: Path, protocol: str) -> Verdicts:
    lines = (odd_file if path.suffix == ".csv" else other_file)(path)[1]
    predict_file(Constant(), path, out / "p.csv", protocol)  # type: ignore[arg-type]
    with (out / "p.csv").open(encoding="latin-1", newline="") as file:
        # Python 3.10 reads no NUL.
        rows = list(csv.DictReader(line.replace("\0", "?") for line in file))
    assert [bool(row["prediction"]) for row in rows] == [not row["reason"] for row in rows]
    return rejected_lines({line: row["reason"] for line, row in zip(lines, rows, strict=True)})


def predict(path: Path, out: Path) -> Verdicts:
    return predicted(path, out, FROZEN)


def predict_streaming(path: Path, out: Path) -> Verdicts:
    return predicted(path, out, STREAMING)


COMMANDS: list[tuple[Callable[[Path, Path], Verdicts], tuple[str, ...]]] = [
    (train, COLUMNS),
    (train_events, EVENT_COLUMNS),
    (update, COLUMNS),
    (update_events, EVENT_COLUMNS),
    (score, EVENT_COLUMNS),
    (predict, EVENT_COLUMNS),
    (predict_streaming, COLUMNS),
]


@pytest.mark.parametrize("name", ["odd.csv", "other.csv.gz"])
@pytest.mark.parametrize(("command", "columns"), COMMANDS, ids=lambda value: getattr(value, "__name__", ""))
def test_each_row_has_the_same_verdict_in_every_command(
    command: Callable[[Path, Path], Verdicts], columns: tuple[str, ...], name: str, tmp_path: Path
) -> None:
    path, verdicts = (odd_file if name == "odd.csv" else other_file)(tmp_path / name)
    (tmp_path / "out").mkdir()
    assert command(path, tmp_path / "out") == rejected_lines(of_columns(verdicts, *columns))


def test_evaluation_counts_the_same_rows(tmp_path: Path) -> None:
    path, verdicts = odd_file(tmp_path / "odd.csv")
    outcome = evaluate_file(Constant(), path, FROZEN)  # type: ignore[arg-type]
    assert outcome.rejected == Counter(rejected_lines(verdicts).values())
    good = sum(not verdict for verdict in verdicts.values())
    assert outcome.metrics["test"][FROZEN]["n"] == good


def test_users_are_the_same_rows_but_that_a_time_may_be_missing(tmp_path: Path) -> None:
    path, verdicts = odd_file(tmp_path / "odd.csv")
    verdicts = of_columns(verdicts, USER_ID, TIMESTAMP)
    expected = {line: "" if verdict == "timestamp_missing" else verdict for line, verdict in verdicts.items()}
    table = read_users(path)
    assert table.usable.tolist() == [not verdict for verdict in expected.values()]
    assert table.reasons == Counter(rejected_lines(expected).values())
    assert (~table.timed[table.usable]).sum() == 1
    assert {USER_ID, ITEM_ID, RATING} < set(HEADER.decode().strip().split(","))
