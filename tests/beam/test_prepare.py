import json
import random

import pytest

from rrn_tf import features
from rrn_tf.beam.prepare import prepare_sequences
from rrn_tf.config import DataConfig, SplitConfig
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.data.prepared import BadInputError
from rrn_tf.features import Split
from rrn_tf.slow_work import Amount, heard_by
from tests.data.reading.bad_rows import BAD_ROWS, GOOD_ROWS, HEADER, QUOTED_NEWLINE

GENEROUS = DataConfig(max_bad_share=0.5, shards=2)


def prepare(path, config=GENEROUS, **options):
    directory = path.parent
    return prepare_sequences(
        str(path), str(directory / "sequences"), config, dead_letters=str(directory / "dead.jsonl"), **options
    )


def dead_letters(directory):
    return [json.loads(line) for line in (directory / "dead.jsonl").read_text(encoding="utf-8").splitlines()]


def plain_rows(n, start=1000):
    return [f"u{k % 7},i{k % 5},{k % 9 + 1},{start + k}".encode() for k in range(n)]


def test_every_kind_of_bad_row_is_named_and_the_good_rows_are_used(tmp_path):
    rows = [(row, None) for row in plain_rows(60)] + [(row, None) for row, _ in GOOD_ROWS] + list(BAD_ROWS.values())
    random.Random(0).shuffle(rows)
    rows += [(row, "duplicate") for row in plain_rows(2)]
    rows += [(row, reason) for row, reason in zip(QUOTED_NEWLINE[0].split(b"\n"), QUOTED_NEWLINE[1], strict=True)]
    path = tmp_path / "ratings.csv"
    path.write_bytes(b"\xef\xbb\xbf" + HEADER + b"\r\n".join(row for row, _ in rows) + b"\r\n")
    metadata = prepare(path)
    expected = [(line, reason) for line, (_, reason) in enumerate(rows, start=2) if reason]
    letters = dead_letters(tmp_path)
    assert [(letter["line"], letter["reason"]) for letter in letters] == expected
    assert {letter["file"] for letter in letters} == {str(path)}
    assert sum(metadata.ratings.values()) == 60 + len(GOOD_ROWS)
    assert metadata.rejected == {
        reason: sum(why == reason for _, why in expected) for reason in sorted({why for _, why in expected})
    }
    sequences = load_sequences(tmp_path / "sequences")
    ids = {values[0] for _, values in GOOD_ROWS} | {f"u{k}" for k in range(7)}
    assert set(sequences.user_ids) == ids
    assert len(sequences.interactions([Split.TRAIN])) == metadata.ratings["train"]


def test_too_many_bad_rows_fail_in_one_line_after_the_dead_letters_are_written(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_bytes(HEADER + b"\n".join([*plain_rows(98), b"u,i,abc,4", b"u,i,3"]))
    with pytest.raises(BadInputError) as error:
        prepare(path, DataConfig())
    assert str(error.value) == (
        f"2 of 100 rows (2 %) rejected, at most 1 % allowed; first: {path}:100: rating 'abc' is not a number; "
        f"see {tmp_path / 'dead.jsonl'}; raise data.max_bad_share to allow more"
    )
    assert [letter["line"] for letter in dead_letters(tmp_path)] == [100, 101]
    assert not (tmp_path / "sequences" / features.METADATA_FILE).exists()


def test_all_rows_bad(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_bytes(HEADER + b"u,i,abc,4\n")
    with pytest.raises(BadInputError, match=r"^1 of 1 rows \(100 %\) rejected, at most 50 % allowed; first: "):
        prepare(path)
    with pytest.raises(BadInputError, match=r"^expected training ratings, found none"):
        prepare(path, DataConfig(max_bad_share=1.0))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (HEADER, "expected ratings, found no rows below the header"),
        (b"", ":1: expected columns user_id,item_id,rating,timestamp, found an empty file"),
        (
            b"user,item\n",
            (
                ":1: expected columns user_id,item_id,rating,timestamp, found 'user,item': name them, as in --columns "
                "user_id=user,item_id=item,rating=NAME,timestamp=NAME"
            ),
        ),
    ],
)
def test_files_without_ratings(tmp_path, data, message):
    path = tmp_path / "ratings.csv"
    path.write_bytes(data)
    with pytest.raises(BadInputError) as error:
        prepare(path)
    assert str(error.value).removeprefix(str(path)) == message


def test_no_training_ratings(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_bytes(HEADER + b"\n".join(plain_rows(5)))
    with pytest.raises(BadInputError, match=r"^expected training ratings, found none \(5 ratings at or after"):
        prepare(path, DataConfig(split=SplitConfig(cutoff="1000")))


def test_a_missing_file(tmp_path):
    with pytest.raises(BadInputError, match=r"ratings.csv: expected ratings, found no such file$"):
        prepare(tmp_path / "ratings.csv")


def test_an_explicit_validation_file_and_pipeline_options(tmp_path):
    (tmp_path / "valid.csv").write_bytes(HEADER + b"u1,i1,5,2000\nu2,i2,5,2001\nnew,i1,3,2002\n")
    path = tmp_path / "ratings.csv"
    path.write_bytes(HEADER + b"\n".join(plain_rows(50)))
    heard: dict[str, list[Amount | None]] = {}
    with heard_by(lambda what, amount: heard.setdefault(what, []).append(amount)):
        metadata = prepare(path, valid=str(tmp_path / "valid.csv"), beam_args=["--runner=DirectRunner"])
    assert metadata.cutoff == 1050
    assert metadata.ratings == {"train": 50, "valid": 2, "test": 0, "valid_cold": 1, "test_cold": 0}
    *_, read, ended = heard["reading files, in blocks"]
    assert ended is None
    assert read is not None
    assert read.done == read.of >= 2
    # Of two shards each: users, their files, and files of items.
    assert heard["building sequences, in shards"][-2:] == [Amount(6, 6), None]


@pytest.mark.slow
def test_files_are_the_same_for_other_row_orders_and_files(tmp_path):
    rows = plain_rows(300)
    for name, parts in {"one": [rows], "two": [rows[200:][::-1], rows[:200]]}.items():
        (tmp_path / name).mkdir()
        for k, part in enumerate(parts):
            (tmp_path / name / f"{k}.csv").write_bytes(HEADER + b"\n".join(part))
        prepare(tmp_path / name / "*.csv")
    one, two = (
        {file.name: file.read_bytes() for file in (tmp_path / name / "sequences").iterdir()} for name in ("one", "two")
    )
    assert one == two
