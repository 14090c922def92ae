"""Tables on the terminal."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd
import pytest

from rrn_tf.console.tables import print_metrics, print_run, print_similar
from rrn_tf.evaluation.findings import findings_of_all
from rrn_tf.evaluation.leaderboard import LeaderboardRow
from rrn_tf.evaluation.ranking import RELEVANT_FROM, ranking_figures


def test_ranked_lists_have_their_protocol_and_standard_errors(capsys: pytest.CaptureFixture[str]) -> None:
    ranks, user = pd.Series([1.0, 20.0, 3.0]).to_numpy(), pd.Series([0, 1, 1]).to_numpy()
    lists = ranking_figures(ranks, pd.Series([0, 1, 2]).to_numpy(), user, (10,))
    scored = {"rmse": 1.0, "mae": 0.5, "n": 4}
    print_metrics({"test": {"frozen": {**scored, **lists, RELEVANT_FROM: 4.0}}, "test_cold": {"frozen": scored}})
    told = capsys.readouterr().out
    assert "test frozen: 3 ratings from 4 on, in 3 lists (one for each user and second) of 2 users" in told
    lines = [line.split() for line in told.splitlines()]
    assert ["test", "frozen", "hit@10", "0.7500", "0.2500"] in lines
    assert ["test", "frozen", "recall@10", "0.7500", "0.2500"] in lines
    assert ["test", "frozen", "NDCG@10", "0.6250", "0.3750"] in lines
    assert all(len(line) <= 100 for line in told.splitlines())
    print_metrics({"test": {"frozen": scored}})
    assert "lists" not in capsys.readouterr().out


def test_a_warning_is_the_last_line_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {"standard_error": 0.1, "mae": 1.0, "seconds": 1.0, "parameters": 1, "n": 9}
    rows = [
        {"model": "RRN", "rmse": 1.5, "difference": None, "difference_standard_error": None, **figures},
        {"model": "global mean", "rmse": 1.0, "difference": -0.5, "difference_standard_error": 0.1, **figures},
    ]
    board = {"protocol": "frozen", "rows": rows}
    record = {"leaderboard": board, "best_rmse": None, "blessed": True, "seconds": 3.0, "model": "m", "report": "r"}
    print_run({**record, "warnings": ["warning: of no use"]})
    assert capsys.readouterr().out.splitlines()[-1] == "warning: of no use"
    print_run(record)
    assert "warning" not in capsys.readouterr().out


def test_ids_of_similar_items_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    columns = {
        "item_id": ["[/]"] * 2,
        "rank": [1, 2],
        "similar_item_id": [":smile:", "[b]"],
        "similarity": [0.5, -0.25],
    }
    print_similar(pd.DataFrame(columns))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["[/]", "1", ":smile:", "0.5000"] in lines
    assert ["2", "[b]", "-0.2500"] in lines
    print_similar(pd.DataFrame({**columns, "title": ["[i]"] * 2, "similar_title": [None, ":x:"]}))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["item", "title", "similar", "item", "title", "similarity"] in lines
    assert ["[/]", "[i]", "1", ":smile:", "0.5000"] in lines
    assert ["2", "[b]", ":x:", "-0.2500"] in lines


def _rows(n: int, error: float) -> list[LeaderboardRow]:
    return [
        LeaderboardRow("RRN", 0.8, 0.02, None, None, 0.6, None, 9, n),
        LeaderboardRow("bias", 0.82, 0.02, 0.02, error, 0.6, 1.0, 9, n),
    ]


def test_a_run_prints_every_protocol_and_what_it_establishes(capsys: pytest.CaptureFixture[str]) -> None:
    boards = {"frozen": _rows(925, 0.02), "streaming": _rows(925, 0.02), "streaming, unseen": _rows(10_031, 0.004)}
    listed = {name: [*map(asdict, rows)] for name, rows in boards.items()}
    record: dict[str, Any] = {"blessed": True, "seconds": 61.2, "report": "runs/demo/report", "ratings": {"test": 925}}
    leaderboard = {"split": "test", "protocol": "frozen", "rows": listed["frozen"], "protocols": listed}
    print_run({**record, "leaderboard": leaderboard})
    told = capsys.readouterr().out
    words = " ".join(told.split())
    for name, rows in boards.items():
        assert f"{name}: {rows[0].n:,} test ratings" in words
    for sentence in findings_of_all(boards):
        assert sentence in words
    assert "Nothing is established: the difference to RRN is within two standard errors, so 925 ratings" in words
    assert "RRN is better than bias." in words
    assert "report        runs/demo/report" in told
    assert max(map(len, told.splitlines())) <= 80, "sentences are broken between words"

    del leaderboard["protocols"]
    print_run({**record, "leaderboard": leaderboard})  # a run.json of an earlier version
    earlier = " ".join(capsys.readouterr().out.split())
    assert "frozen: 925 test ratings" in earlier
    assert "streaming" not in earlier
