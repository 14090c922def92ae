from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.evaluation.experiments.exhibits import Figure, Omitted
from rrn_tf.evaluation.experiments.gains import count_bins, gains_by_count
from rrn_tf.evaluation.experiments.held_out import held_out, training_counts
from rrn_tf.evaluation.metrics import rmse_difference
from rrn_tf.features import Side
from tests.subjects import generated_sequences, rating_subject, sequences_of


def test_bins_double_in_width() -> None:
    count = np.array([0, 1, 2, 3, 4, 5, 8, 9, 16, 17])
    bin_of, bins = count_bins(count, np.arange(10), fewest=1)
    assert bin_of.tolist() == [0, 1, 2, 3, 3, 4, 4, 5, 5, 6]
    assert bins.to_numpy().tolist() == [[0, 0], [1, 1], [2, 2], [3, 4], [5, 8], [9, 16], [17, 17]]


def test_bins_of_few_users_are_joined() -> None:
    count = np.array([1, 1, 2, 3, 9, 9, 100])
    bin_of, bins = count_bins(count, np.array([1, 2, 3, 4, 5, 6, 7]), fewest=2)
    assert bin_of.tolist() == [0, 0, 1, 1, 2, 2, 2]
    assert bins.to_numpy().tolist() == [[1, 1], [2, 3], [9, 100]]
    assert count_bins(np.full(5, 7), np.arange(5))[1].to_numpy().tolist() == [[7, 7]]
    assert count_bins(count, np.ones(7, int))[1].to_numpy().tolist() == [[1, 100]]


@pytest.mark.parametrize("side", list(Side))
def test_gain_of_each_bin_is_the_paired_difference(side: Side) -> None:
    subject = rating_subject()
    frozen, streaming = gains_by_count(subject, side, "gain", "Gain")
    of = held_out(subject, "frozen")
    assert isinstance(frozen, Figure)
    assert of is not None
    assert frozen.frame["baseline"].unique().tolist() == ["PMF raw"]
    counts = training_counts(subject, side)[of.ratings.user if side is Side.USER else of.ratings.item]
    for _, row in frozen.frame.iterrows():
        rows = (counts >= row["from"]) & (counts <= row["to"])
        gain, error = rmse_difference(
            of.models["PMF raw"].rating[rows],
            of.models["RRN"].rating[rows],
            of.ratings.rating[rows],
            of.ratings.user[rows],
        )
        assert row["gain"] == pytest.approx(gain)
        assert row["standard error"] == pytest.approx(error)
        assert (row["ratings"], row["of users"]) == (rows.sum(), len(np.unique(of.ratings.user[rows])))
    assert frozen.frame["ratings"].sum() == len(of.ratings)
    # Whoever is new has no training ratings, and is there under the streaming protocol alone.
    assert (frozen.frame["from"].min() > 0, streaming.frame["from"].min()) == (True, 0)
    gain, error = of.gain_over("PMF raw")
    assert f"RMSE is lower than that of PMF raw by {gain:.4f} ± {error:.4f}." in frozen.caption


def test_the_best_baseline_stands_beside_pmf_and_a_loss_is_called_one() -> None:
    errors = {"frozen": {"RRN": 1.0, "PMF raw": 1.1, "PMF centred": 0.9, "good": 0.3}}
    (figure,) = gains_by_count(rating_subject(errors=errors), Side.ITEM, "gain", "Gain")
    assert figure.frame["baseline"].unique().tolist() == ["PMF centred", "good"]
    assert "RMSE is higher than that of good by" in figure.caption
    assert "In every group of items there is a loss over good beyond two standard errors." in figure.caption


def test_one_user_and_no_baseline() -> None:
    day = np.concatenate([np.arange(-9, 0), [1, 2]])
    sequences = sequences_of(np.ones(11), np.arange(11) % 3 + 1, np.arange(11) % 5 + 1, day, [0] * 9 + [1, 2])
    (figure,) = gains_by_count(rating_subject(sequences, {"frozen": {"RRN": 1, "bias": 2}}), Side.USER, "gain", "Gain")
    assert figure.frame[["from", "to", "users"]].to_numpy().tolist() == [[9, 9, 1]]
    assert "which is of too few users for a standard error" in figure.caption
    (nothing,) = gains_by_count(
        rating_subject(generated_sequences(), {"frozen": {"RRN": 1}}), Side.USER, "gain", "Gain"
    )
    assert isinstance(nothing, Omitted)
    assert "no baseline" in nothing.reason
