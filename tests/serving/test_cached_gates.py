"""All entities at once stand where each of them alone does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.features import Side
from rrn_tf.models.rrn import RRN
from rrn_tf.serving import cached_gates
from rrn_tf.serving.cached_gates import CachedGates
from rrn_tf.states.entity_states import EntityStates

ENTITIES = 9


def network(**settings: Any) -> tuple[RRN, EntityStates]:
    """Random weights and states; the last entity is a newbie."""
    tf.keras.utils.set_random_seed(3)
    model = RRN(4, ENTITIES, **{"units": 6, "embedding": 5, "dynamic_units": 4, "stationary": 2, **settings})
    model.projection(Side.ITEM).bias.assign_add(tf.random.normal([model.emission.units]))
    states = EntityStates.like(model, Side.ITEM, ENTITIES)
    for part in (*states.state, states.last_sums):
        values = tf.random.normal([ENTITIES - 1, part.shape[1]])
        part[1:ENTITIES].assign(values if part is not states.last_sums else tf.abs(values))
    states.last_context[1:ENTITIES].assign(
        tf.stack([tf.zeros([ENTITIES - 1]), tf.random.normal([ENTITIES - 1])], axis=1)
    )
    return model, states


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"time_feature": "delta", "time_scale": 30.0},
        {
            "time_feature": "delta",
            "time_scale": 30.0,
            "inputs": "innovations",
            "include_opposite_state": True,
            "ensemble": 2,
        },
    ],
)
@pytest.mark.parametrize("wallclock", [-0.5, 2.0, 1e9])
def test_equals_extrapolating_one_by_one(
    settings: dict[str, Any], wallclock: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached_gates, "_SHARE", 4)
    model, states = network(**settings)
    earliest = tf.random.normal([ENTITIES + 1])
    found = CachedGates(model, Side.ITEM, states, earliest)
    query = tf.random.normal([3, model.emission.units])
    meeting, constant = found.queries(query)
    shares = found.hidden(tf.constant(wallclock))
    found.compiled.assign(True)
    for share, compiled in zip(shares, found.hidden(tf.constant(wallclock)), strict=True):
        np.testing.assert_allclose(share, compiled, rtol=1e-4, atol=1e-5)
    assert [share.shape[0] for share in shares] == [4, 4, 1]
    score = tf.matmul(meeting, tf.concat(shares, axis=0), transpose_b=True) + constant
    entity = tf.range(1, ENTITIES + 1)
    projected = states.extrapolate(model, Side.ITEM, entity, tf.maximum(earliest[1:], wallclock))
    np.testing.assert_allclose(score, tf.matmul(query, projected, transpose_b=True), rtol=1e-4, atol=1e-5)


def test_other_cells_and_huge_catalogues_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    model, states = network()
    assert CachedGates.fit(model, Side.ITEM, states)
    gru, gru_states = network(cell="gru")
    assert not CachedGates.fit(gru, Side.ITEM, gru_states)
    monkeypatch.setattr(cached_gates, "_LARGEST", 4 * 4 * 6 * ENTITIES)
    assert not CachedGates.fit(model, Side.ITEM, states)
