"""What users' frames hold becomes text, numbers and unix seconds, or one clear error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from rrn_tf.recommenders.frames import checked, ids_of, times_of

NEW_YEAR = 1_767_225_600  # 2026-01-01 UTC


def test_one_id_is_a_list_of_one_and_an_iterator_is_read_once() -> None:
    assert [ids_of(one, "user_id").tolist() for one in ("ab", 7, np.int64(7))] == [["ab"], ["7"], ["7"]]
    assert ids_of((str(n) for n in range(2)), "user_id").tolist() == ["0", "1"]
    assert ids_of(set(), "exclude").tolist() == []


def test_one_time_is_for_all_and_many_are_one_for_each() -> None:
    assert times_of("2026-01-01", 3).tolist() == [NEW_YEAR] * 3
    assert times_of(pd.Timestamp("2026-01-01"), 2).tolist() == [NEW_YEAR] * 2
    assert times_of([5, 6], 2).tolist() == [5, 6]
    with pytest.raises(ValueError, match="at: expected one time, or 3 of them, found 2"):
        times_of([5, 6], 3)


COLUMNS = ("user_id", "item_id", "rating", "timestamp")


def test_a_frame_is_read_by_position_whatever_its_index() -> None:
    rows = {
        "user_id": [1, 2],
        "item_id": ["a", "b"],
        "rating": [1, 5],
        "timestamp": ["2026-01-01", "5"],
        "other": [0, 0],
    }
    found = checked(pd.DataFrame(rows, index=["x", "x"]), COLUMNS)
    assert found.index.tolist() == [0, 1]
    assert found.values.tolist() == [["1", "a", 1.0, NEW_YEAR], ["2", "b", 5.0, 5]]
    assert found.rating.dtype == np.float32
    assert not len(checked(pd.DataFrame(columns=COLUMNS), COLUMNS))


@pytest.mark.parametrize(
    ("frame", "kind", "said"),
    [
        ([1, 2], TypeError, "expected a data frame with the columns user_id, item_id, rating, timestamp, found list"),
        (pd.DataFrame({"user": [1]}), ValueError, r"expected the columns user_id, .*, found user \(no user_id\)"),
        (pd.DataFrame([[1, 2, "x", 4]], columns=COLUMNS), TypeError, "rating: expected numbers, found string"),
        (pd.DataFrame([[1, 2, True, 4]], columns=COLUMNS), TypeError, "rating: expected numbers, found boolean"),
        (
            pd.DataFrame([[1, 2, 3, 4], [1, 2, np.nan, 4]], columns=COLUMNS),
            ValueError,
            "rating: expected a finite number in every row, found nan in row 1",
        ),
    ],
)
def test_other_frames_are_refused(frame: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        checked(frame, COLUMNS)
