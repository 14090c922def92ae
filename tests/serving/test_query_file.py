"""Query files: what is answered, what is left empty and said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from rrn_tf.features import Side
from rrn_tf.serving.query_file import QueryFileError, evaluate_file, predict_file, read_queries


class Constant:
    """Predicts the number in the item's id; knows users a and b, and items that are not cold."""

    cutoff = until = 100

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
    assert pd.read_csv(tmp_path / "p.csv").prediction.isna().tolist() == [False, True, True, True, True, False]
    assert outcome.rejected == 4
    assert f"{tmp_path / 'q.csv'}:3: user_id should be an id, found ''" in outcome.messages
    assert f"{tmp_path / 'q.csv'}:5: timestamp should be unix seconds, found 'noon'" in outcome.messages
    assert outcome.messages[-1].endswith("4 of 6 rows could not be used")


def test_ids_stay_text(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("user_id,item_id,timestamp\n007,1,1\nNA,1,1\n")
    assert read_queries(tmp_path / "q.csv").frame["user_id"].tolist() == ["007", "NA"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("user_id,item_id\na,1\n", r":1: expected columns user_id, item_id, timestamp, found .*no timestamp"),
        ("", "No columns"),
        ("user_id,item_id,timestamp\na,1,2\na,1,2,3\n", "Expected 3 fields in line 3, saw 4"),
    ],
)
def test_refuses_files_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text(text)
    with pytest.raises(QueryFileError, match=said) as error:
        read_queries(tmp_path / "q.csv")
    assert "\n" not in str(error.value)


def test_evaluation_counts_known_and_cold_rows_apart(tmp_path: Path) -> None:
    rows = ["a,1,2,200", "b,3,3,200", "who,4,4,200", "a,9,8,200", "a,1,x,200"]
    (tmp_path / "r.csv").write_text("user_id,item_id,rating,timestamp\n" + "\n".join(rows) + "\n")
    outcome = evaluate_file(Constant(), tmp_path / "r.csv", "frozen")
    known, cold = outcome.metrics["test"]["frozen"], outcome.metrics["test_cold"]["frozen"]
    assert (known["n"], cold["n"]) == (2, 2)
    assert known["rmse"] == pytest.approx(np.sqrt(1 / 2))
    assert cold["mae"] == pytest.approx(0.5)
    assert outcome.slices["month"] == [{"slice": "1970-01", "rmse": known["rmse"], "mae": known["mae"], "n": 2}]
    assert "rating should be a finite number, found 'x'" in outcome.messages[0]
