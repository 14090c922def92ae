"""Data sets of the papers are read from the files as published, whole and in parts."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from rrn_tf.data import paper_source
from rrn_tf.data.datasets import resolve
from rrn_tf.data.items import read_items, titles
from rrn_tf.data.paper_sets import SETS
from rrn_tf.data.reading.in_memory import read_files
from rrn_tf.data.source import DataSourceError
from rrn_tf.features import COLUMNS, EVENT_COLUMNS
from tests.published import WRITE


@pytest.fixture(autouse=True)
def manual_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(paper_source.FOLDER_VARIABLE, str(tmp_path / "by [hand]"))
    return tmp_path / "by [hand]"


def test_every_set_has_files() -> None:
    assert set(SETS) == set(WRITE)


@pytest.mark.parametrize("name", sorted(WRITE))
def test_the_original_files_are_read_where_they_are(name: str, manual_folder: Path, tmp_path: Path) -> None:
    rows = WRITE[name](manual_folder / name if name != "lastfm_1k" else manual_folder)
    source = resolve(f"tfds:{name}", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    read, _ = read_files(source.pattern, COLUMNS if SETS[name].rated else EVENT_COLUMNS)
    assert read.total == len(rows)
    assert not read.rejected.num_rows
    assert sorted(read.numbers("timestamp")) == sorted(rows["time"])
    assert len(set(read.ids("item_id"))) == rows["item"].nunique()
    assert (source.items is not None) == bool(SETS[name].item_files)
    if source.items:
        assert set(titles(read_items(source.items))) >= set(read.ids("item_id"))


def test_a_part_has_the_rows_between_its_dates(
    manual_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = WRITE["netflix_prize"](manual_folder)
    monkeypatch.setattr(paper_source, "_ROWS", 100)  # several row groups
    for part, begin, end in (
        ("3-months", "2005-09-01", "2006-01-01"),
        ("6-months", "2005-06-01", "2006-01-01"),
        ("1-year", "2004-06-01", "2005-07-01"),
        ("full", "1999-12-01", "2006-01-01"),
    ):
        source = resolve(f"tfds:netflix_prize/{part}", tmp_path)
        found = pd.read_parquet(source.pattern)
        times = pd.to_datetime(rows["time"], unit="s")
        expected = rows[(times >= begin) & (times < end)].sort_values("item", kind="stable")
        assert 0 < len(found) == len(expected) < len(rows)
        assert tuple(found) == COLUMNS
        for column, of in (("user_id", "user"), ("item_id", "item"), ("rating", "rating"), ("timestamp", "time")):
            assert found[column].astype(int).tolist() == expected[of].tolist()
        assert source.items == str(manual_folder / "movie_titles.csv")
    monkeypatch.setattr(paper_source, "write_part", lambda *of: pytest.fail("written again"))
    assert resolve("tfds:netflix_prize/full", tmp_path) == source


def test_files_with_a_url_are_downloaded_once_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tfds = pytest.importorskip("tensorflow_datasets")

    def offline(self: object, urls: list[str]) -> None:
        raise ConnectionError("no route to host\nretry later")

    monkeypatch.setattr(tfds.download.DownloadManager, "download", offline)
    with pytest.raises(DataSourceError, match=r"^tfds:movie_tweetings: could not be .*: no route to host$"):
        resolve("tfds:movie_tweetings", tmp_path)
    asked: list[str] = []

    def download(self: object, urls: list[str]) -> list[Path]:
        asked.extend(urls)
        return [tmp_path / "there" / url.rpartition("/")[2] for url in urls]

    monkeypatch.setattr(tfds.download.DownloadManager, "download", download)
    rows = WRITE["movie_tweetings"](tmp_path / "there")
    source = resolve("tfds:movie_tweetings/2013", tmp_path / "cache")
    assert asked == list(SETS["movie_tweetings"].urls)
    expected = rows[pd.to_datetime(rows["time"], unit="s") < "2013-11-07"]
    assert len(pd.read_parquet(source.pattern)) == len(expected) < len(rows)
    assert source.items == str(tmp_path / "there" / "movies.dat")


def test_what_is_missing_or_damaged_is_told_in_one_line(manual_folder: Path, tmp_path: Path) -> None:
    def told(name: str) -> str:
        with pytest.raises(DataSourceError) as raised:
            resolve(name, tmp_path / "cache")
        assert "\n" not in str(raised.value)
        assert not list((tmp_path / "cache").glob("*"))
        return str(raised.value)

    missing = told("tfds:netflix_prize")
    assert "expected combined_data_*.txt or training_set/mv_*.txt, and for titles movie_titles.csv" in missing
    assert f"in the folder {manual_folder}, found none" in missing
    assert paper_source.FOLDER_VARIABLE in missing
    WRITE["netflix_prize"](manual_folder)
    expected = "tfds:netflix_prize: expected one of all, 3-months, 6-months, 1-year, full, found '9-months'"
    assert told("tfds:netflix_prize/9-months") == expected
    film = manual_folder / "training_set" / "mv_0000003.txt"
    film.write_text(film.read_text() + "7,9,2005-13-01\n")
    assert "mv_0000003.txt:" in told("tfds:netflix_prize/full")
    for file in (manual_folder / "training_set").iterdir():
        file.write_text(f"{int(file.stem[3:])}:\n1,5,1999-11-20\n")
    assert "expected rows of December 1999 to December 2005, found none" in told("tfds:netflix_prize/full")
