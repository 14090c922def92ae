"""Which files a pattern names, and files that were cut or damaged."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.files import CHECKED_PAGES, decompressed, local_files, open_output
from rrn_tf.data.reading.in_memory import read_files
from rrn_tf.features import COLUMNS
from tests.data.reading.bad_rows import HEADER

ROWS = HEADER + b"".join(b"u%d,i%d,%d,%d\n" % (k % 97, k * k % 89, k % 5, k * 7919) for k in range(5_000))


def zipped(data: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("r.csv", data)
    return sink.getvalue()


def parquet(_: bytes) -> bytes:
    sink, number = io.BytesIO(), np.arange(5_000)
    ids = pa.array((number % 97).astype(str))
    pq.write_table(pa.table({"user_id": ids, "item_id": ids, "rating": number % 5, "timestamp": number}), sink)
    return sink.getvalue()


KINDS: dict[str, Callable[[bytes], bytes]] = {
    ".csv.gz": gzip.compress,
    ".csv.bz2": bz2.compress,
    ".csv.xz": lzma.compress,
    ".csv.zip": zipped,
    ".csv.deflate": zlib.compress,
    ".parquet": parquet,
}


@pytest.mark.skipif(not CHECKED_PAGES, reason="this Arrow cannot compare the checksums of pages")
def test_a_wrong_bit_of_a_page_with_a_checksum_is_one_line(tmp_path: Path) -> None:
    path, times = tmp_path / "r.parquet", pa.array(np.arange(5_000))
    ids = pa.array(np.arange(5_000).astype(str))
    table = pa.table({"user_id": ids, "item_id": ids, "rating": times, "timestamp": times})
    pq.write_table(table, path, compression="none", use_dictionary=False, write_page_checksum=True)
    written = bytearray(path.read_bytes())
    written[written.rindex((4_321).to_bytes(8, "little"))] ^= 1  # the time of a row
    path.write_bytes(written)
    with pytest.raises(BadInputError, match=r"r\.parquet: .*CRC"):
        read_files(str(path), COLUMNS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_is_read_and_a_cut_or_damaged_one_is_one_line(kind: str, tmp_path: Path) -> None:
    whole, path = KINDS[kind](ROWS), tmp_path / f"r{kind}"
    path.write_bytes(whole)
    assert read_files(str(path), COLUMNS)[0].total == 5_000
    middle = len(whole) // 2
    for spoilt in (
        whole[:middle],
        whole[:-3],
        whole[:middle] + b"\xff" * 40 + whole[middle + 40 :],
        b"nothing like it",
    ):
        path.write_bytes(spoilt)
        with pytest.raises(BadInputError, match=r"^\S+: (not readable: |expected )") as error:
            read_files(str(path), COLUMNS)
        assert "\n" not in str(error.value)


def test_a_cut_zstandard_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "r.csv.zst"
    with open_output(path) as stream:
        stream.write(ROWS)
    assert read_files(str(path), COLUMNS)[0].total == 5_000
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BadInputError, match=r"r.csv.zst: not readable: Truncated compressed stream$"):
        read_files(str(path), COLUMNS)


@pytest.mark.parametrize("kind", [".csv.gz", ".csv.bz2"])
def test_archives_one_after_the_other_are_one(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"r{kind}"
    path.write_bytes(KINDS[kind](ROWS) + KINDS[kind](b"a,b,1,2\n"))
    assert read_files(str(path), COLUMNS)[0].total == 5_001


def test_patterns_are_those_of_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("p1.csv", "p2.csv", ".p3.csv", ".#p1.csv", "p[1].csv", "in/side.csv"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    Path("p4.csv").mkdir()
    assert sorted(local_files("p?.csv")) == ["p1.csv", "p2.csv"]
    assert sorted(local_files("*.csv")) == ["p1.csv", "p2.csv", "p[1].csv"]
    assert sorted(local_files(f"{tmp_path}/p[12].csv")) == [f"{tmp_path}/p1.csv", f"{tmp_path}/p2.csv"]
    assert local_files("p[1].csv") == ["p[1].csv"]
    assert local_files("in/") == ["in/side.csv"]
    assert local_files(".p*.csv") == [".p3.csv"]
    assert local_files("nothing*.csv") == []


def test_reading_needs_neither_beam_nor_tensorflow() -> None:
    program = (
        "import sys, rrn_tf.data.reading.row_file; sys.exit(bool({'apache_beam', 'tensorflow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_small_zlib_file_of_much_is_decompressed_as_it_is_read() -> None:
    size = 1 << 26
    packed = zlib.compress(bytes(size))
    tracemalloc.start()
    stream = decompressed("r.deflate", io.BytesIO(packed))
    assert sum(map(len, iter(lambda: stream.read(1 << 16), b""))) == size
    assert tracemalloc.get_traced_memory()[1] < size / 8
    tracemalloc.stop()


@pytest.mark.parametrize(("place", "value"), [(6, 1), (8, 99)])  # an encrypted member, and an unknown method
def test_an_archive_that_cannot_be_unpacked_is_one_line(place: int, value: int, tmp_path: Path) -> None:
    data, path = bytearray(zipped(ROWS)), tmp_path / "r.csv.zip"
    directory = data.index(b"PK\x01\x02")
    data[place] = data[directory + place + 2] = value
    path.write_bytes(data)
    with pytest.raises(BadInputError, match=r"r\.csv\.zip: not readable: the archive is encrypted, or [^\n]*$"):
        read_files(str(path), COLUMNS)


def test_the_names_in_an_archive_are_no_paths(tmp_path: Path) -> None:
    path = tmp_path / "in" / "r.csv.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../stolen.csv", ROWS)
    assert read_files(str(path), COLUMNS)[0].total == 5_000
    assert [found.name for found in tmp_path.rglob("*")] == ["in", "r.csv.zip"]
