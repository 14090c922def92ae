from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.evaluation.experiments.held_out import held_out, training_counts
from rrn_tf.features import Side, Split
from tests.subjects import generated_sequences, rating_subject

SUBJECT = rating_subject()


def test_test_ratings_of_known_users_and_items_or_all() -> None:
    known, all_of = (held_out(SUBJECT, "streaming", unseen=unseen) for unseen in (False, True))
    assert known is not None
    assert all_of is not None
    counts = SUBJECT.sequences.metadata.ratings
    assert len(known.ratings) == counts["test"]
    assert len(all_of.ratings) == counts["test"] + counts["test_cold"]
    assert (known.kind, known.rrn, known.best_baseline, known.caution) == ("test", "RRN", "online bias", "")
    errors = known.models["RRN"].rating - known.ratings.rating
    assert known.rmse("RRN") == pytest.approx(np.sqrt(np.mean(errors**2)))
    gain, error = known.gain_over("online bias")
    assert gain == pytest.approx(known.rmse("online bias") - known.rmse("RRN"))
    assert error > 0
    assert held_out(SUBJECT, "another") is None


def test_validation_ratings_are_used_and_named_where_there_is_no_test() -> None:
    sequences = generated_sequences().without([Split.TEST, Split.TEST_COLD])
    of = held_out(rating_subject(sequences), "frozen")
    assert of is not None
    assert of.kind == "validation"
    assert "validation rating" in of.called
    assert "no test ratings" in of.caution


def test_nothing_is_compared_if_nothing_is_held_out() -> None:
    sequences = generated_sequences().without([split for split in Split if split])
    subject = rating_subject(sequences, compare=lambda: pytest.fail("compared"))
    assert held_out(subject, "frozen") is None


@pytest.mark.parametrize("side", list(Side))
def test_training_ratings_are_counted(side: Side) -> None:
    train = SUBJECT.sequences.interactions([Split.TRAIN])
    index = train.user if side is Side.USER else train.item
    found = training_counts(SUBJECT, side)
    assert found.tolist() == [int((index == entity).sum()) for entity in range(len(found))]
    assert found[0] == found[-1] == 0  # nobody, and somebody new
