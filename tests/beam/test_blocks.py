"""Ratings that wait in files between stages give the files that ratings in memory give, and leave nothing behind."""

from __future__ import annotations

import errno
import os
import pickle
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest

from rrn_tf.beam import blocks
from rrn_tf.beam.blocks import BlockStore, StoredBlock, loaded, temporary_store
from rrn_tf.beam.pipelines import new_pipeline, runs_here
from rrn_tf.beam.prepare import prepare_sequences
from rrn_tf.config import DataConfig, SplitConfig
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.rows import SideRatings


def written(folder: Path, valid: bool = False, **options: Any) -> dict[str, bytes]:
    """Prepares ratings, some of them repeated, and returns the files by name."""
    random = np.random.default_rng(0)
    rows = [f"u{u},i{i},{r},{t}" for u, i, r, t in random.integers(1, [9, 7, 6, 9000], (500, 4))]
    folder.mkdir(exist_ok=True)
    source, later = folder.parent / "ratings.csv", folder.parent / "later.csv"
    source.write_text("\n".join(["user_id,item_id,rating,timestamp", *rows, *rows[:5]]))
    later.write_text("user_id,item_id,rating,timestamp\nu1,i1,3,9500\nu2,new,3,9600\nu2,i2,1,4\n")
    output = folder / "output"
    config = DataConfig(SplitConfig(drop_unseen=True), user_granularity="1d", shards=3, max_bad_share=0.5)
    names = {"valid": str(later)} if valid else {}
    prepare_sequences(str(source), str(output), config, dead_letters=f"{output}/dead.jsonl", **names, **options)
    return {str(path.relative_to(output)): path.read_bytes() for path in output.rglob("*")}


@pytest.fixture
def every_block(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Stores blocks of all sizes; yields them as they are stored."""
    stored: list[Any] = []
    dump = pickle.dump

    def noted(block: Any, *args: Any, **options: Any) -> None:
        stored.append(block)
        dump(block, *args, **options)

    monkeypatch.setattr(blocks, "LEAST", 0)
    monkeypatch.setattr(pickle, "dump", noted)
    return stored


def test_a_large_block_is_a_reference_to_what_it_was(tmp_path: Path) -> None:
    batch = pa.RecordBatch.from_pydict({"id": pa.array(["a", "b"] * 9000).dictionary_encode(), "n": range(18_000)})
    ratings = SideRatings(*(np.arange(9000, dtype=kind) for kind in ("i4", "i4", "f4", "i8", "u1")))
    store = BlockStore(str(tmp_path / "blocks"))
    for block in (batch, ratings):
        kept = store.keep(block)
        assert isinstance(kept, StoredBlock)
        assert len(pickle.dumps(kept)) < 500
        assert type(loaded(kept)) is type(block)
    assert loaded(store.keep(batch)).equals(batch)
    for name, column in loaded(store.keep(ratings))._asdict().items():
        np.testing.assert_array_equal(column, getattr(ratings, name))
        assert column.dtype == getattr(ratings, name).dtype
    few = (np.arange(9), 5)
    assert loaded(store.keep(few)) is store.keep(few) is few
    assert BlockStore().keep(batch) is batch


@pytest.mark.parametrize("valid", [False, True])
def test_files_are_equal_to_those_from_memory(
    valid: bool, tmp_path: Path, every_block: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    through_files = written(tmp_path / "files", valid)
    assert {type(block).__name__ for block in every_block} >= {"RecordBatch", "RowKeys", "SideRatings", "SeenRatings"}
    every_block.clear()
    monkeypatch.setattr(blocks, "runs_here", lambda pipeline: False)
    assert written(tmp_path / "memory", valid) == through_files
    assert not every_block


def test_a_full_disk_is_one_line_and_leaves_no_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room, dump = [5], pickle.dump

    def full(block: Any, *args: Any, **options: Any) -> None:
        room[0] -= 1
        dump(block, *args, **options)
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(blocks, "LEAST", 0)
    monkeypatch.setattr(pickle, "dump", full)
    with pytest.raises(BadInputError, match=r"^\S+/\.blocks-\w+: no space left on device: .*; free") as told:
        written(tmp_path / "run")
    assert "\n" not in str(told.value)
    assert not list(tmp_path.rglob(".*"))


def test_a_run_that_fails_leaves_no_block(tmp_path: Path, every_block: list[Any]) -> None:
    def fails() -> None:
        with temporary_store(str(tmp_path), new_pipeline([])) as store:
            store.keep(np.arange(9))
            assert len(list(tmp_path.iterdir())) == 1
            raise BadInputError("too many rows are rejected")

    with pytest.raises(BadInputError, match=r"^too many rows"):
        fails()
    assert len(every_block) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("runner", "here"),
    [
        ([], True),
        (["--runner=DirectRunner", "--direct_num_workers=2"], True),
        (["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"], True),
        (["--runner=PrismRunner"], False),
        (["--runner=FlinkRunner"], False),
    ],
)
def test_only_beams_own_runner_shares_this_machines_disk(runner: list[str], here: bool) -> None:
    pipeline = beam.Pipeline(options=beam.options.pipeline_options.PipelineOptions(runner))
    assert runs_here(pipeline) is here
    with temporary_store("gs://bucket/output", pipeline) as store:
        assert (store.folder is None) is not here
        assert not here or "bucket" not in str(store.folder)
