from __future__ import annotations

import pytest

from rrn_tf.evaluation.experiments.exhibits import Omitted, Table
from rrn_tf.evaluation.experiments.held_out import held_out
from rrn_tf.evaluation.experiments.ratings import rmse_of_models
from rrn_tf.evaluation.leaderboard import LeaderboardRow, leaderboard
from rrn_tf.features import Split
from tests.subjects import generated_sequences, rating_subject


def row(model: str, difference: float | None, error: float | None = 0.01) -> LeaderboardRow:
    return LeaderboardRow(model, 1.0, 0.1, difference, None if difference is None else error, 0.8, None, 5, 100)


def test_a_table_for_each_protocol_and_one_with_the_unseen() -> None:
    subject = rating_subject()
    found = rmse_of_models.exhibits(subject)
    assert [table.name for table in found] == ["rmse_frozen", "rmse_streaming", "rmse_streaming_unseen"]
    for table, (protocol, unseen) in zip(
        found, [("frozen", False), ("streaming", False), ("streaming", True)], strict=True
    ):
        of = held_out(subject, protocol, unseen=unseen)
        assert isinstance(table, Table)
        assert of is not None
        expected = leaderboard(of.ratings, of.models)
        assert table.frame["model"].tolist() == [line.model for line in expected]
        assert table.frame["RMSE"].tolist() == [line.rmse for line in expected]
        assert table.frame["difference"].isna().tolist() == [line.difference is None for line in expected]
        assert f"Errors on {len(of.ratings):,} test ratings" in table.caption
    assert "the RRN is better than PMF raw and global mean; all 2 differences are established" in found[0].caption


def test_sentences_say_what_is_established() -> None:
    verdict = rmse_of_models.verdict
    assert verdict(
        [row("RRN", None), row("a", 0.03), row("b", -0.05), row("c", 0.02), row("d", 0.5, float("nan"))]
    ) == (
        "Beyond two standard errors, the RRN is better than a and the RRN is worse than b; whether it is better or "
        "worse than c and d is not established."
    )
    assert "none is established" in verdict([row("a", 0.01), row("RRN", None)])
    assert "no other model" in verdict([row("RRN", None)])


def test_without_streaming_without_test_and_without_anything() -> None:
    of_valid = generated_sequences().without([Split.TEST, Split.TEST_COLD])
    (table,) = rmse_of_models.exhibits(rating_subject(of_valid, {"frozen": {"RRN": 1, "bias": 1}}))
    assert "validation ratings, which chose options" in table.caption
    (nothing,) = rmse_of_models.exhibits(rating_subject(of_valid.without([Split.VALID, Split.VALID_COLD])))
    assert isinstance(nothing, Omitted)
    assert "train_fraction" in nothing.reason


def test_unseen_have_no_table_of_their_own_where_there_are_none() -> None:
    found = rmse_of_models.exhibits(rating_subject(generated_sequences(new=0)))
    assert [table.name for table in found] == ["rmse_frozen", "rmse_streaming"]
    assert found[0].frame["RMSE"].is_monotonic_increasing
    assert found[0].frame["RMSE"][0] == pytest.approx(0.7, rel=0.15)
