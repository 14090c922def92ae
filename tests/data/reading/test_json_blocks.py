"""JSON lines whose values have several types are read as one by one, and nearly as fast as others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rrn_tf.data.reading import json_blocks
from rrn_tf.data.reading.header import Header
from rrn_tf.data.reading.json_blocks import read_json
from rrn_tf.features import COLUMNS

KINDS = (("who", "str"), ("what", "int"), ("stars", "int"), ("when", "int"))
HEADER = Header(4, COLUMNS, (0, 1, 2, 3), kinds=KINDS)
MIXED: list[list[Any]] = [
    ["a", "b", 7, 12_345_678_901, None],
    ["x", 7, -3, "7", 7.5],
    [1, 4.5, "4.5", 1e2, None, True],
    [100, "2005-09-06", 1200000000.75, "100"],
]


def mixed_lines(count: int, rng: np.random.Generator) -> list[str]:
    """Objects of four keys, each with values of several types, and further keys that look like them."""
    keys = [key for key, _ in KINDS]
    rows = [{key: some[rng.integers(len(some))] for key, some in zip(keys, MIXED, strict=True)} for _ in range(count)]
    rows[0] = dict(zip(keys, ("a", 7, 1, 100), strict=True))
    text = 'a "who": 7 that is text, and {"stars": 1'
    return [json.dumps({"text": text, **row, "deep": {"stars": 2}}) for row in rows]


def values_of(columns: list[pa.Array]) -> list[list[str | None]]:
    """The values as text; numbers as Python reads them, since 5 and 5.0 are the same rating and time."""
    ids = [column.cast(pa.string()).to_pylist() for column in columns[:2]]
    numbers = [column.cast(pa.string()).to_pylist() for column in columns[2:]]
    return ids + [[_number(value) for value in column] for column in numbers]


def _number(value: str | None) -> str | None:
    try:
        return str(float(value or ""))
    except ValueError:
        return value


def test_lines_of_several_types_are_what_they_are_alone(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = mixed_lines(3_000, rng)
    for at, odd in ((7, "[1, 2]"), (8, ""), (1_500, '{"who": "a"'), (2_999, "  ")):
        lines[at] = odd
    data = ("\n".join(lines) + "\n").encode()
    found = read_json(data, HEADER)
    monkeypatch.setattr(json_blocks, "_at_once", lambda data, types, count: None)
    expected = read_json(data, HEADER)
    assert found.line.tolist() == expected.line.tolist()
    assert values_of(found.columns) == values_of(expected.columns)
    assert found.malformed == expected.malformed
    assert [row.line for row in found.malformed] == [7, 1_500]


def test_few_lines_are_read_one_by_one(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    loads = json.loads
    lines = [json.dumps({"who": str(n), "what": n if n % 2 else str(n), "stars": 4.5, "when": n}) for n in range(9_000)]
    lines[4_444] = "{"
    monkeypatch.setattr(json_blocks.json, "loads", lambda text: (read.append(text), loads(text))[1])
    found = read_json("\n".join(lines).encode(), HEADER)
    assert len(found.line) == 8_999
    assert 1 <= len(read) <= 1_000


def test_a_file_of_several_types_is_read_like_any_other(tmp_path: Path) -> None:
    from rrn_tf.data.reading.in_memory import read_files

    path = tmp_path / "r.jsonl"
    rows = [
        {"user_id": n if n % 3 else str(n), "item_id": "x", "rating": n % 5, "timestamp": 100 + n} for n in range(99)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    read, _ = read_files(str(path), COLUMNS)
    assert read.ids("user_id").tolist() == [str(n) for n in range(99)]
    assert read.numbers("timestamp").tolist() == [100 + n for n in range(99)]
    assert not read.rejected.num_rows


@pytest.mark.parametrize("odd", [b"", b'{"user_id": "d", "item_id": 7, "rating": 1.5, "timestamp": 3}'])
def test_a_line_that_is_not_utf8_is_rejected_as_in_csv(odd: bytes, tmp_path: Path) -> None:
    from rrn_tf.data.reading.in_memory import read_files

    path = tmp_path / "r.jsonl"
    row = b'{"user_id": "%s", "item_id": "x", "rating": 4, "timestamp": 100}'
    path.write_bytes(b"\n".join([row % b"a", row % b"\xca", row % "\u00e9".encode(), odd]))
    read, _ = read_files(str(path), COLUMNS)
    assert read.ids("user_id").tolist() == ["a", "\u00e9", *(["d"] if odd else [])]
    assert read.rejected.column("reason").to_pylist() == ["invalid_utf8"]
    assert read.rejected.column("line").to_pylist() == [2]


@pytest.mark.parametrize("odd", [b"null", b" \tnull", b'null, "stars": 1', b"[{}]", b"7"])
def test_a_line_that_begins_no_object_is_rejected(odd: bytes) -> None:
    # Arrow's reader crashes the process where a text begins with null, as the lines without a text would here.
    row = b'{"who": "a", "what": 7, "stars": 4, "when": 100}'
    found = read_json(b"\n".join([odd, row, b"  ", odd, b" " + row]), HEADER)
    assert found.line.tolist() == [1, 4]
    assert [(row.line, row.reason) for row in found.malformed] == [(0, "not_json"), (3, "not_json")]
