"""Ids are looked up in vocabularies."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from rrn_tf.beam.sequences.vocabularies import IdCounts


@pytest.mark.parametrize(
    "wanted", [[], ["b"], ["d", "x", "a", "d", "x"], ["x", "c", "b", "a", "d", "c", "e", "", "y", "b"]]
)
def test_places_and_counts_of_fewer_and_of_more_ids_than_there_are(wanted: list[str]) -> None:
    ids = ["c", "a", "é", "b", "", "d"]
    counted = IdCounts(pa.array(ids), np.array([3, 1, 0, 2, 7, 4]))
    asked = pa.array(wanted, pa.string())
    assert counted.places_of(asked).tolist() == [ids.index(name) if name in ids else -1 for name in wanted]
    expected = dict(zip(ids, counted.counts.tolist(), strict=True))
    assert counted.of(asked).tolist() == [expected.get(name, 0) for name in wanted]
