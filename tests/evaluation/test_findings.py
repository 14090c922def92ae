from __future__ import annotations

import math

import numpy as np
import pytest

from rrn_tf.data.interactions import Interactions
from rrn_tf.evaluation.event_leaderboard import EventLeaderboardRow
from rrn_tf.evaluation.event_protocols import EVENT_PROTOCOLS
from rrn_tf.evaluation.findings import findings, findings_of_all, is_established, larger_test, meaning, verdict
from rrn_tf.evaluation.leaderboard import LeaderboardRow, RatingPredictions, leaderboard
from rrn_tf.evaluation.protocols import FROZEN, STREAMING
from rrn_tf.runs.comparison import STREAMING_UNSEEN


def rating(model: str, difference: float | None, error: float | None, n: int = 925) -> LeaderboardRow:
    return LeaderboardRow(model, 0.9, 0.02, difference, error, 0.7, None, 1, n)


def event(model: str, difference: float | None, error: float | None) -> EventLeaderboardRow:
    return EventLeaderboardRow(model, 5.0, 0.1, difference, error, 0.3, 0.2, 0.2, 20, (), None, 1, 30, 1_400)


RRN, GRU = rating("RRN", None, None), event("C-GRU", None, None)


def test_differences_beyond_two_standard_errors_are_verdict() -> None:
    rows = [rating("good", -0.021, 0.01), RRN, rating("even", 0.02, 0.01), rating("mean", 0.3, 0.02)]
    assert [is_established(row) for row in rows] == [True, False, False, True]
    assert verdict(rows) == (
        "Established (beyond two standard errors of the paired difference): RRN is better than mean and worse than "
        "good. Not established: whether RRN is better or worse than even."
    )
    assert verdict([RRN, rating("a", 1, 0.1), rating("b", 1, 0.1), rating("c", 1, 0.1)]).endswith(
        "RRN is better than a, b and c."
    )


def test_where_nothing_is_established_the_sentence_says_so() -> None:
    assert verdict([RRN, rating("a", 0.2, 0.5), rating("b", -0.2, 0.5)]) == (
        "Nothing is established: all 2 differences to RRN are within two standard errors, so 925 ratings do not say "
        "whether RRN is better or worse than a or b."
    )


@pytest.mark.parametrize("error", [math.nan, None])
def test_a_single_users_ratings_establish_nothing(error: float | None) -> None:
    assert verdict([RRN, rating("a", 0.2, error), rating("b", -0.2, error)]) == (
        "Nothing is established: a standard error takes two users, and these 925 ratings have one."
    )


def test_models_of_noise_establish_nothing_and_a_far_worse_one_does() -> None:
    """The sentences agree with what a leaderboard computes from predictions."""
    rng = np.random.default_rng(0)
    actual = rng.normal(size=600).astype(np.float32)
    user, zeros = rng.integers(1, 60, 600).astype(np.int32), np.zeros(600, np.int64)
    test = Interactions(user, np.ones(600, np.int32), actual, zeros, 60, 1)
    noise = {name: rng.normal(size=600).astype(np.float32) for name in ("RRN", "other")}
    far = actual + 3.0
    assert verdict(leaderboard(test, {n: RatingPredictions(r, None, 1) for n, r in noise.items()})).startswith(
        "Nothing is established"
    )
    worse = verdict(leaderboard(test, {n: RatingPredictions(r, None, 1) for n, r in {**noise, "far": far}.items()}))
    assert "RRN is better than far. Not established: whether RRN is better or worse than other." in worse


def test_the_figures_are_explained_in_their_own_words() -> None:
    ratings, events = meaning([RRN, rating("a", 0.1, 0.01)]), meaning([GRU, event("1-gram", 0.1, 0.01)])
    assert "RMSE less that of RRN on the same ratings (positive where RRN is better)" in ratings
    assert "NLL" in events
    assert "hit@20" in events
    assert "NLL less that of C-GRU on the same events" in events
    assert "RMSE" not in events
    assert verdict([GRU, event("1-gram", 0.1, 0.1)]) == (
        "Nothing is established: the difference to C-GRU is within two standard errors, so 1,400 events do not say "
        "whether C-GRU is better or worse than 1-gram."
    )
    for text in (ratings, events):
        assert text.endswith(".")
        assert ". " not in text.replace("s.e. ", ""), "one sentence"


def test_without_others_or_rows_there_is_less_to_say() -> None:
    assert findings([]) == []
    assert findings([RRN]) == [meaning([RRN])]
    assert "difference" not in meaning([RRN])


def test_a_test_with_far_more_rows_is_pointed_at() -> None:
    frozen = [RRN, rating("a", 0.01, 0.02), rating("b", 0.01, 0.04)]
    streaming = [rating("RRN", None, None, 10_031), rating("a", 0.01, 0.004, 10_031)]
    told = larger_test({"frozen": frozen, "streaming": frozen, "with unseen": streaming})
    assert told.startswith("'with unseen' has 10,031 ratings, 11 times as many as 'frozen', so smaller")
    assert "from about 0.008 on, twice the median standard error, in place of 0.060." in told
    assert larger_test({"frozen": frozen, "streaming": frozen}) == ""
    assert larger_test({"frozen": frozen}) == larger_test({}) == larger_test({"frozen": [], "streaming": []}) == ""
    assert larger_test({"frozen": [RRN], "with unseen": streaming}) == ""


def test_each_protocol_is_explained_where_there_are_several() -> None:
    rows = [RRN, rating("a", 0.1, 0.01)]
    told = findings_of_all({FROZEN: rows, STREAMING: rows, STREAMING_UNSEEN: rows, "empty": []})
    assert told[0] == meaning(rows)
    assert [line.partition(": ")[0] for line in told[1:]] == [
        f"{FROZEN} (no model knows a rating after training)",
        f"{STREAMING} (every model knows each later rating once it is past)",
        STREAMING_UNSEEN,
    ]
    assert {line.partition(": ")[2] for line in told[1:]} == {"Established: RRN is better than a."}
    events = [GRU, event("1-gram", 0.1, 0.01)]
    told = findings_of_all(dict.fromkeys(EVENT_PROTOCOLS, events))
    assert [line.partition(" (")[0] for line in told[1:]] == list(EVENT_PROTOCOLS)
    assert findings_of_all({FROZEN: rows}) == findings(rows) == [meaning(rows), "Established: RRN is better than a."]
    assert findings_of_all({}) == findings_of_all({FROZEN: []}) == []
