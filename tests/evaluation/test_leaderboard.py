from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.console.tables import print_leaderboards
from rrn_tf.data.interactions import Interactions
from rrn_tf.evaluation.leaderboard import RatingPredictions, leaderboard, leaderboard_markdown, leaderboard_text

N = 1200


def said(rating: np.ndarray, seconds: float | None = None, parameters: int = 7) -> RatingPredictions:
    return RatingPredictions(rating, seconds, parameters)


@pytest.fixture
def test_rows() -> Interactions:
    rng = np.random.default_rng(0)
    return Interactions(
        rng.integers(1, 50, N).astype(np.int32),
        np.ones(N, np.int32),
        rng.integers(1, 6, N).astype(np.float32),
        np.zeros(N, np.int64),
        50,
        1,
    )


def test_rows_are_ordered_and_compared(test_rows: Interactions) -> None:
    noise = np.random.default_rng(1).standard_normal(N)
    predictions = {"RRN": said(test_rows.rating + 0.5 * noise), "good": said(test_rows.rating + 0.1 * noise)}
    good, rrn = leaderboard(test_rows, predictions)
    assert (good.model, rrn.model, rrn.n) == ("good", "RRN", N)
    assert rrn.difference is rrn.difference_standard_error is None
    assert good.difference == pytest.approx(good.rmse - rrn.rmse)
    assert good.difference_standard_error is not None
    assert 0 < good.difference_standard_error < rrn.standard_error


def test_another_reference(test_rows: Interactions) -> None:
    predictions = {"a": said(test_rows.rating), "b": said(test_rows.rating + 1)}
    a, b = leaderboard(test_rows, predictions, reference="b")
    assert a.difference == pytest.approx(-1)
    assert b.difference is None
    with pytest.raises(ValueError, match="one of a, b, received 'c'"):
        leaderboard(test_rows, predictions, reference="c")


def test_other_shapes_and_no_rows_are_refused(test_rows: Interactions) -> None:
    with pytest.raises(ValueError, match="one shape"):
        leaderboard(test_rows, {"a": said(np.zeros(1))})
    with pytest.raises(ValueError, match="received none"):
        leaderboard(test_rows.take(np.arange(0)), {"a": said(np.zeros(0))})


def test_rendering(test_rows: Interactions) -> None:
    predictions = {"a": said(test_rows.rating), "user+item bias": said(test_rows.rating + np.float32(0.5), 2.34, 1_200)}
    rows = leaderboard(test_rows, predictions)
    text = leaderboard_text(rows).splitlines()
    assert text[0].split() == ["model", "RMSE", "s.e.", "vs", "a", "s.e.", "MAE", "seconds", "parameters"]
    assert text[2].startswith("user+item bias  0.5000")
    assert len({len(line) for line in text}) == 1
    markdown = leaderboard_markdown(rows).splitlines()
    assert markdown[1].startswith("| --- | ---: |")
    assert markdown[3] == "| user+item bias | 0.5000 | 0.0000 | +0.5000 | 0.0000 | 0.5000 | 2.3 | 1,200 |"


def test_tables_of_both_protocols_fit_a_terminal(test_rows: Interactions, capsys: pytest.CaptureFixture[str]) -> None:
    predictions = {"RRN": said(test_rows.rating, 123.4), "user+item bias": said(test_rows.rating + 1, 0.5, 10_000_000)}
    rows = leaderboard(test_rows, predictions)
    print_leaderboards({"frozen": rows, "streaming": rows[:1], "streaming, unseen": []})
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "test ratings" in line] == [
        "frozen: 1,200 test ratings",
        "streaming: 1,200 test ratings",
    ]
    assert max(map(len, lines)) <= 80
    assert "diff." in leaderboard_text(leaderboard(test_rows, predictions, reference="user+item bias"))
    (bias,) = (line.split() for line in lines if "bias" in line)
    print_leaderboards(
        {
            "frozen": leaderboard(
                test_rows, {"a model of a very long name, which is not cut off": said(test_rows.rating, 1.0, 10**12)}
            )
        }
    )
    assert "1,000,000,000,000" in capsys.readouterr().out
    assert bias == ["user+item", "bias", "1.0000", "0.0000", "+1.0000", "0.0000", "1.0000", "0.5", "10,000,000"]
