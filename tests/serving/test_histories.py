"""Histories of many users are padded, and those of one second and item count once."""

from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.serving import histories
from rrn_tf.serving.histories import Histories


def test_each_user_has_its_rows_in_order_of_time(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "_CELLS", 12)
    user = rng.integers(6, size=40).astype(str)
    time = rng.permutation(1_000)[:40]
    given = Histories(user, [f"i{n}" for n in range(40)], time, np.arange(40))
    asked = ["3", "nobody", "0", "3", "5", "1"]
    found, sizes = {}, []
    for part in given.of(asked):
        sizes.append(part.real.size)
        for row, place in enumerate(part.user):
            found[place] = part.item_id[row][part.real[row]].tolist()
            assert (part.item_id[row][~part.real[row]] == "").all()
            assert (np.diff(part.timestamp[row][part.real[row]]) > 0).all()
    assert len(sizes) > 1
    for place, name in enumerate(asked):
        rows = np.flatnonzero(user == name)
        expected = [f"i{row}" for row in rows[np.argsort(time[rows])]]
        assert found.get(place, []) == expected
    assert given.have(asked).tolist() == [True, False, True, True, True, True]


def test_a_repeated_row_counts_once() -> None:
    given = Histories(["a", "a", "a"], ["x", "x", "x"], [5, 5, 6], [1, 2, 3])
    assert len(given) == 2
    assert given.rating.tolist() == [1, 3]
    assert len(given.take(given.timestamp > 5)) == 1
