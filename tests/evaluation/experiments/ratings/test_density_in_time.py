from __future__ import annotations

import re

import pytest

from rrn_tf.evaluation.experiments.exhibits import Figure
from rrn_tf.evaluation.experiments.ratings import density_in_time
from rrn_tf.features import Split
from tests.subjects import CUTOFF, generated_sequences, rating_subject, sequences_of


def test_every_rating_is_in_one_span() -> None:
    sequences = generated_sequences()
    (figure,) = density_in_time.exhibits(rating_subject(sequences))
    assert isinstance(figure, Figure)
    counts = sequences.metadata.ratings
    assert figure.frame[["training", "validation", "test"]].sum().tolist() == [
        counts["train"],
        counts["valid"] + counts["valid_cold"],
        counts["test"] + counts["test_cold"],
    ]
    assert len(figure.frame) == 40
    # Ratings are uniform in time: half of training are in its last half.
    (share,) = re.findall(r"in the last (\d+)%", figure.caption)
    assert int(share) == pytest.approx(50, abs=5)
    assert "no held-out rating is earlier" in figure.caption


def test_all_ratings_of_one_second() -> None:
    sequences = sequences_of([1, 2], [1, 1], [1, 2], [-1, -1], [Split.TRAIN] * 2)
    (figure,) = density_in_time.exhibits(rating_subject(sequences))
    assert figure.frame["training"].tolist() == [2]
    assert sequences.metadata.cutoff == CUTOFF
    assert "paper's figure" not in figure.caption
