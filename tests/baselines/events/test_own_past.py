"""Shares of a user's earlier events against a loop."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rrn_tf.baselines.events.own_past import Kernel, OwnPast
from rrn_tf.data.event_scores import positions_of
from rrn_tf.features import Split
from tests.events import RHYTHMIC_ITEMS, rhythmic_events

KERNELS = [
    Kernel(),
    Kernel(events=4),
    Kernel(power=1.5),
    Kernel(context=True),
    Kernel(events=7, power=0.5, day=3, week=2, context=True),
]


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_shares_are_those_of_a_loop(kernel: Kernel) -> None:
    sequences = rhythmic_events()
    positions = positions_of(sequences, [Split.VALID, Split.TEST])[::-1]
    past = OwnPast(sequences, positions)
    weights = past.weights(kernel)
    dense, of_item = past.sparse_rows(weights, RHYTHMIC_ITEMS).toarray(), past.at(weights, sequences.item[positions])
    for row, position in enumerate(positions):
        first = sequences.user_splits[sequences.user[position]]
        expected = np.zeros(RHYTHMIC_ITEMS)
        for earlier in range(first, position):
            if kernel.context and (earlier == first or sequences.item[earlier - 1] != sequences.item[position - 1]):
                continue
            age, hours = position - earlier, (sequences.timestamp[position] - sequences.timestamp[earlier]) / 3_600
            weight = math.exp(-(age - 1) / kernel.events) * age**-kernel.power
            weight *= math.exp(kernel.day * (math.cos(2 * math.pi * hours / 24) - 1))
            weight *= math.exp(kernel.week * (math.cos(2 * math.pi * hours / 168) - 1))
            expected[sequences.item[earlier] - 1] += weight
        expected /= expected.sum() or 1
        np.testing.assert_allclose(dense[row], expected, atol=1e-6)
        assert of_item[row] == pytest.approx(expected[sequences.item[position] - 1], abs=1e-6)


def test_the_first_event_has_no_past() -> None:
    sequences = rhythmic_events()
    past = OwnPast(sequences, sequences.user_splits[1:3])
    assert (past.rows, len(past.row)) == (2, 0)
    assert not past.sparse_rows(past.weights(Kernel()), RHYTHMIC_ITEMS).toarray().any()
