"""Both sides' states propagated together: from the start, or on from the steps that were computed before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rrn_tf.data.batches import plan_batches
from rrn_tf.features import SIDES, Split
from rrn_tf.states.step_states import StepStates
from rrn_tf.states.streaming import streaming_states
from tests.test_forward_pass import make_ratings, prepare, random_model


@pytest.mark.parametrize("by_count", [0, 2], ids=["by_time", "by_count"])
def test_streaming_goes_on_from_the_training_steps_to_the_bit(by_count: int, tmp_path: Path) -> None:
    prepared = prepare(make_ratings(sittings=by_count > 0), tmp_path, by_count)
    model = random_model(
        prepared, "lstm", inputs="innovations", include_opposite_state=True, ensemble=2, time_feature="delta"
    )
    plans = {side: plan_batches(prepared.side(side), prepared.metadata, rows_per_batch=64) for side in SIDES}
    trained, seen = StepStates(model, prepared, plans), prepared.without([Split.TEST, Split.TEST_COLD])
    trained.refresh_all()
    whole, on = streaming_states(model, seen, 64), streaming_states(model, seen, 64, begun=trained)
    for factor in (1.0, 0.5):
        for variable in model.trainable_variables:
            variable.assign(factor * variable)
        for states in (trained, whole, on):
            states.refresh_all()
        for side in SIDES:
            assert np.ptp(whole.vectors[side].numpy()) > 0.1
            np.testing.assert_array_equal(on.vectors[side].numpy(), whole.vectors[side].numpy())
            for mine, expected in zip(on.entities[side].by_entity, whole.entities[side].by_entity, strict=True):
                np.testing.assert_array_equal(mine.numpy(), expected.numpy())
