"""What a configuration is worth: test data play no part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rrn_tf.evaluation.event_protocols import CLEAN
from rrn_tf.features import Split
from rrn_tf.training.truncated_bptt import train
from rrn_tf.tuning.validation import train_and_validate, without_test
from tests.events import random_events, rhythmic_events, small_mixture, with_items


@pytest.mark.slow
def test_events_are_worth_their_validation_loss_whatever_the_test_events_are(tmp_path: Path) -> None:
    sequences, config = rhythmic_events(), small_mixture(1)
    items = np.where(sequences.split == Split.TEST, 1, sequences.item)
    left = without_test(with_items(sequences, items))
    assert left.equals(without_test(sequences))
    assert {*np.unique(left.split)} == {Split.TRAIN, Split.VALID}
    outcome = train_and_validate(left, config, tmp_path / "a")
    expected = train(sequences, tmp_path / "b", config)
    assert outcome.loss == pytest.approx(expected.metrics[Split.VALID.label][CLEAN]["nll"], rel=1e-5)
    assert (outcome.best_epoch, outcome.epochs) == (expected.best_epoch, 1)


def test_without_validation_data_there_is_nothing_to_choose_by() -> None:
    with pytest.raises(ValueError, match="tuning should have validation data, found none"):
        without_test(random_events([(5, 0, 2)], 3))
