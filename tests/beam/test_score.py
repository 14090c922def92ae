"""Pairs scored in bulk: every good row once with the model's answer, every bad one among the dead letters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from click.testing import CliRunner

from rrn_tf.beam.score import _no_leftovers, score_pairs
from rrn_tf.cli.main import main
from rrn_tf.data.prepared import BadInputError

ROWS = 300_001


class Double(tf.Module):
    """Stands in for a served model: a rating that tells user, item and time apart."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, "user_id"),
            tf.TensorSpec([None], tf.string, "item_id"),
            tf.TensorSpec([None], tf.int64, "timestamp"),
        ]
    )
    def answer(self, user_id: Any, item_id: Any, timestamp: Any) -> dict[str, Any]:
        tf.debugging.assert_less(tf.size(user_id), 1 << 18 | 1, "more rows at a time than the model has memory for")
        user, item = (tf.strings.to_number(tf.strings.substr(ids, 1, 9)) for ids in (user_id, item_id))
        return {"rating": 100 * user + item + tf.cast(timestamp % 7, tf.float32) / 8}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    double = Double()
    tf.saved_model.save(double, str(path), signatures={"predict": double.answer})
    return path


def queries(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    user, item = rng.integers(0, 400, rows), rng.integers(0, 90, rows)
    frame = pd.DataFrame({"user_id": user, "item_id": item, "timestamp": rng.integers(10**9, 2 * 10**9, rows)})
    return frame.assign(user_id="u" + frame["user_id"].astype(str), item_id="i" + frame["item_id"].astype(str))


def expected(frame: pd.DataFrame) -> pd.Series:
    number = {side: frame[f"{side}_id"].str[1:].astype(np.float32) for side in ("user", "item")}
    return (100 * number["user"] + number["item"] + (frame["timestamp"] % 7) / 8).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_every_good_row_is_answered_and_every_bad_one_kept(model: Path, tmp_path: Path, kind: str) -> None:
    good = queries(ROWS)
    bad = pd.DataFrame({"user_id": ["", "u1"], "item_id": ["i1", "i1"], "timestamp": ["3", "soon"]})
    rows = pd.concat([good.astype(str), bad], ignore_index=True).sample(frac=1, random_state=1)
    path = tmp_path / f"queries.{kind}"
    rows.to_csv(path, index=False) if kind == "csv" else rows.to_parquet(path)
    scored = score_pairs(str(model), str(path), str(tmp_path / "out" / "scores"))
    assert scored == (ROWS, {"timestamp_not_a_number": 1, "user_id_missing": 1})
    files = sorted((tmp_path / "out").glob("scores-*.parquet"))
    found = pd.concat([pq.read_table(file).to_pandas() for file in files])
    order = ["user_id", "item_id", "timestamp"]
    found, good = (frame.sort_values(order).reset_index(drop=True) for frame in (found, good))
    pd.testing.assert_frame_equal(found[order], good, check_dtype=False)
    np.testing.assert_array_equal(found["prediction"], expected(good))
    letters = [json.loads(line) for line in (tmp_path / "out" / "scores-dead_letters.jsonl").open()]
    assert sorted(letter["reason"] for letter in letters) == ["timestamp_not_a_number", "user_id_missing"]
    assert all(str(path) in letter["message"] for letter in letters)


def test_scores_of_an_earlier_run_do_not_stand_beside_the_new_ones(model: Path, tmp_path: Path) -> None:
    queries(30).to_csv(tmp_path / "queries.csv", index=False)
    earlier, others = tmp_path / "all-00001-of-00077.parquet", tmp_path / "all-mine.parquet"
    for file in (earlier, others):
        file.write_bytes(b"")
    score_pairs(str(model), str(tmp_path / "queries.csv"), str(tmp_path / "all"))
    assert not earlier.exists()
    assert others.exists()
    others.unlink()
    assert sum(pq.read_metadata(file).num_rows for file in tmp_path.glob("*.parquet")) == 30


def test_too_many_bad_rows_fail_in_one_line(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "queries.csv"
    path.write_text("user_id,item_id,timestamp\nu1,i1,5\nu1,i1,later\n")
    with pytest.raises(BadInputError, match=r"^1 of 2 rows \(50 %\) rejected, at most 1 % allowed"):
        score_pairs(str(model), str(path), str(tmp_path / "scores"))
    assert not (tmp_path / "scores-summary.json").exists()
    assert score_pairs(str(model), str(path), str(tmp_path / "scores"), max_bad_share=0.5).pairs == 1


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    other = tf.Module()
    other.answer = tf.function(lambda examples: {"found": examples}, [tf.TensorSpec([None], tf.string, "examples")])
    tf.saved_model.save(other, str(tmp_path / "model"), signatures={"next_items": other.answer})
    (tmp_path / "queries.csv").write_text("user_id,item_id,timestamp\nu1,i1,5\n")
    with pytest.raises(BadInputError, match=r"^\S+: expected a signature predict, found next_items$"):
        score_pairs(str(tmp_path / "model"), str(tmp_path / "queries.csv"), str(tmp_path / "scores"))


@pytest.mark.parametrize("name", ["a[1]/scores", "scores*", "scores?"])
def test_a_prefix_that_beam_takes_for_a_pattern_is_refused(name: str, tmp_path: Path) -> None:
    other = tmp_path / "scores1-00000-of-00001.parquet"
    other.write_bytes(b"")
    with pytest.raises(BadInputError, match=r"^\S+: expected a prefix of files without \*, \? and \["):
        score_pairs("no model", "no queries", str(tmp_path / name))
    assert list(tmp_path.iterdir()) == [other]


def test_the_command_says_what_it_did(model: Path, tmp_path: Path) -> None:
    queries(500).to_csv(tmp_path / "queries.csv", index=False)
    arguments = ["--model", model, "--queries", tmp_path / "queries.csv", "--output", tmp_path / "scores"]
    json_file = tmp_path / "figures.json"
    result = CliRunner().invoke(main, ["score", *map(str, arguments), "--json", str(json_file)])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("500 pairs scored, 0 rows rejected")
    figures = json.loads(json_file.read_text())
    assert (figures["pairs"], figures["rejected"]) == (500, {})
    assert figures["pairs_per_second"] == pytest.approx(500 / figures["seconds"])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--model": "nowhere"}, "nowhere: expected a SavedModel"),
        ({"--queries": "nothing.csv"}, "nothing.csv: expected a file of rows, found no such file"),
    ],
)
def test_bad_arguments_end_in_one_line(model: Path, tmp_path: Path, changed: dict[str, str], said: str) -> None:
    (tmp_path / "queries.csv").write_text("user_id,item_id,timestamp\nu1,i1,5\n")
    options = {"--model": model, "--queries": tmp_path / "queries.csv", "--output": tmp_path / "scores", **changed}
    result = CliRunner().invoke(main, ["score", *(str(part) for option in options.items() for part in option)])
    assert result.exit_code == 1
    assert said in result.output.splitlines()[-1]


def test_a_failed_job_leaves_no_temporary_folder(tmp_path: Path) -> None:
    for name in ("beam-temp-s-1", "beam-temp-other-1"):
        (tmp_path / name).mkdir()

    def interrupted() -> None:
        with _no_leftovers(str(tmp_path / "s")):
            (tmp_path / "beam-temp-s-2" / "part").mkdir(parents=True)
            (tmp_path / "beam-temp-other-2").mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert {path.name for path in tmp_path.iterdir()} == {"beam-temp-s-1", "beam-temp-other-1", "beam-temp-other-2"}
