"""Query files: what is answered, what is left empty and said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from rrn_tf.data.metadata import EntityCounts, SequenceMetadata
from rrn_tf.data.prepared import BadInputError
from rrn_tf.evaluation.protocols import STREAMING
from rrn_tf.features import Side
from rrn_tf.serving import query_file
from rrn_tf.serving.query_file import evaluate_file, predict_file


class Constant:
    """Predicts the number in the item's id; knows users a and b, and items that are not cold."""

    cutoff = until = 100
    metadata = SequenceMetadata(100, 1, 1, 0.0, 1.0, 3.0, 1.0, 8.0, EntityCounts(2, 2), EntityCounts(8, 8), {})

    def known(self, side: Side, ids: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        ids = np.asarray(ids, dtype=str)
        return np.isin(ids, ["a", "b"]) if side is Side.USER else ids != "9"

    def predict(self, user: npt.ArrayLike, item: npt.ArrayLike, time: npt.ArrayLike) -> npt.NDArray[np.float32]:
        return np.asarray(item, dtype=np.float32)


def test_predictions_keep_rows_order_and_other_columns(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("note,item_id,user_id,timestamp\nx,3,b,200\ny,1,who,150\nz,2,a,50\n")
    outcome = predict_file(Constant(), tmp_path / "q.csv", tmp_path / "p.csv")
    frame = pd.read_csv(tmp_path / "p.csv")
    assert frame.columns.tolist() == ["note", "item_id", "user_id", "timestamp", "prediction"]
    assert frame.note.tolist() == ["x", "y", "z"]
    assert frame.prediction.tolist() == [3, 1, 2]
    assert (outcome.predicted, outcome.unknown_users, outcome.before_cutoff) == (3, 1, 1)


def test_rows_that_cannot_be_answered_stay_empty_and_are_named(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("user_id,item_id,timestamp\na,1,200\n,1,200\na,,200\na,1,noon\na,1,-5\na,2,300\n")
    outcome = predict_file(Constant(), tmp_path / "q.csv", tmp_path / "p.csv")
    found = pd.read_csv(tmp_path / "p.csv", keep_default_na=False)
    assert [bool(value) for value in found.prediction] == [True, False, False, False, False, True]
    reasons = ["user_id_missing", "item_id_missing", "timestamp_not_a_number", "timestamp_negative"]
    assert found.reason.tolist() == ["", *reasons, ""]
    assert outcome.rejected == 4
    assert outcome.reasons == dict.fromkeys(reasons, 1)
    assert outcome.messages[0] == f"{tmp_path / 'q.csv'}:3: user_id is missing: expected text, found ''"
    expected = f"{tmp_path / 'q.csv'}:5: timestamp 'noon' is neither a number of seconds nor a time such as 2010-10-17T"
    assert outcome.messages[2].startswith(expected)
    assert "4 of 6 rows could not be used: item_id_missing 1, " in outcome.messages[-1]


def test_ids_stay_text_and_rows_as_they_are(tmp_path: Path) -> None:
    rows = 'user_id,item_id,timestamp\n007,1,+1\nNA,"1",1.0\n'
    (tmp_path / "q.csv").write_text(rows)
    predict_file(Constant(), tmp_path / "q.csv", tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text() == ('user_id,item_id,timestamp,prediction\n007,1,+1,1\nNA,"1",1.0,1\n')


def test_parquet_is_answered_as_csv_is(tmp_path: Path) -> None:
    frame = pd.DataFrame({"user_id": ["a", None], "item_id": [1, 2], "timestamp": [200.0, 300.0], "note": ["x", "y"]})
    frame.to_parquet(tmp_path / "q.parquet")
    predict_file(Constant(), tmp_path / "q.parquet", tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text() == (
        "user_id,item_id,timestamp,note,prediction,reason\na,1,200,x,1,\n,2,300,y,,user_id_missing\n"
    )


def test_streaming_takes_one_user_item_and_second_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[list[float]] = []

    def stream(model: Constant, user: npt.NDArray, item: npt.NDArray, time: npt.NDArray, rating: npt.NDArray):
        given.append(rating.tolist())
        return rating

    monkeypatch.setattr(query_file, "predict_streaming", stream)
    rows = ["a,1,2,200", "b,7,9,50", "a,1,5,200", "a,1,3,201", "a,1,4,200"]
    (tmp_path / "q.csv").write_text("user_id,item_id,rating,timestamp\n" + "\n".join(rows) + "\n")
    outcome = predict_file(Constant(), tmp_path / "q.csv", tmp_path / "p.csv", STREAMING)
    assert [line for line in outcome.messages if "1 of 5 ratings lie outside of 1 to 8" in line] == outcome.messages
    assert given == [[2, 3]]
    assert pd.read_csv(tmp_path / "p.csv").prediction.tolist() == [2, 7, 2, 3, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("user_id,item_id\na,1\n", r":1: expected columns user_id,item_id,timestamp, found 'user_id,item_id'"),
        ("", "found an empty file"),
        ("user_id,item_id,timestamp,prediction\na,1,2,3\n", "expected no column prediction"),
        ("reason,user_id,item_id,timestamp\n3,a,1,2\n", "expected no column reason"),
    ],
)
def test_refuses_files_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text(text)
    with pytest.raises(BadInputError, match=said) as error:
        predict_file(Constant(), tmp_path / "q.csv", tmp_path / "p.csv")
    assert "\n" not in str(error.value)


def test_evaluation_counts_known_and_cold_rows_apart(tmp_path: Path) -> None:
    rows = ["a,1,2,200", "b,3,3,200", "who,4,4,200", "a,9,8,200", "a,1,x,200", "b,3,1,200"]
    (tmp_path / "r.csv").write_text("user_id,item_id,rating,timestamp\n" + "\n".join(rows) + "\n")
    outcome = evaluate_file(Constant(), tmp_path / "r.csv", "frozen")
    known, cold = outcome.metrics["test"]["frozen"], outcome.metrics["test_cold"]["frozen"]
    assert (known["n"], cold["n"]) == (2, 2)
    assert known["rmse"] == pytest.approx(np.sqrt(1 / 2))
    assert cold["mae"] == pytest.approx(0.5)
    assert outcome.slices["month"] == [{"slice": "1970-01", "rmse": known["rmse"], "mae": known["mae"], "n": 2}]
    assert outcome.messages[0] == f"{tmp_path}/r.csv:6: rating 'x' is not a number"
    assert outcome.rejected == {"duplicate": 1, "rating_not_a_number": 1}


@pytest.mark.parametrize(
    ("rows", "found"), [("", "no rows below the header"), ("a,1,x,9\n", r"none that can be used: \S+:2: rating 'x'")]
)
def test_nothing_to_evaluate_is_one_line(rows: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("user_id,item_id,rating,timestamp\n" + rows)
    with pytest.raises(BadInputError, match=f"r.csv: expected ratings, found {found}"):
        evaluate_file(Constant(), tmp_path / "r.csv", "frozen")


def test_a_model_worse_than_the_mean_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text("user_id,item_id,rating,timestamp\na,1,4,200\nb,5,2,300\n")
    messages = evaluate_file(Constant(), file, "frozen").messages
    expected = (
        f"warning: {file}: the RMSE of 3.0000 is larger than 1.0000, that of predicting the training ratings' mean"
    )
    assert messages == [f"{expected} each time"]
    file.write_text("user_id,item_id,rating,timestamp\na,1,1,200\nb,5,5,300\n")
    assert evaluate_file(Constant(), file, "frozen").messages == []
