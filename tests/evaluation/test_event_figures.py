"""Figures of next items and their standard errors, against loops."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from rrn_tf.baselines.events.protocol import Answers
from rrn_tf.console.tables import print_slices
from rrn_tf.evaluation.event_figures import Measures, figures, shown, sliced
from rrn_tf.evaluation.event_kinds import Kinds

COUNT = 60


@pytest.fixture(scope="module")
def answers() -> Answers:
    rng = np.random.default_rng(7)
    rank = rng.integers(1, 30, COUNT) + rng.integers(2, size=COUNT) / 2
    return Answers(np.log(rng.uniform(0.01, 1, COUNT)).astype(np.float32), rank.astype(np.float32))


@pytest.fixture(scope="module")
def user() -> np.ndarray:
    return np.random.default_rng(8).integers(1, 9, COUNT)


def by_loops(answers: Answers, user: np.ndarray, inside: np.ndarray, name: str) -> tuple[float, float]:
    """Mean over users of means over events, and its standard error."""
    means = []
    for one in sorted({int(of) for of in user[inside]}):
        values = []
        for position in np.flatnonzero(inside & (user == one)):
            rank, (metric, _, k) = float(answers.rank[position]), name.partition("@")
            values.append(
                {
                    "nll": -float(answers.log_probability[position]),
                    "mrr": 1 / rank,
                    "hit": float(rank <= int(k or 0)),
                    "ndcg": 1 / math.log2(1 + rank) if rank <= int(k or 0) else 0.0,
                }[metric]
            )
        means.append(sum(values) / len(values))
    mean = sum(means) / len(means)
    squares = sum((value - mean) ** 2 for value in means)
    return mean, math.sqrt(squares / (len(means) - 1) / len(means))


def test_figures_of_each_kind_are_those_of_loops(answers: Answers, user: np.ndarray) -> None:
    measures, kind = Measures(ks=(3, 10)), np.random.default_rng(9).integers(3, size=COUNT)
    values = measures.values(answers)
    found = sliced(values, user, {"of a kind": Kinds(("a", "b", "none", "c"), np.where(kind == 2, 3, kind))})
    rows = {"all": figures(values, user)} | {row["slice"]: row for row in found["of a kind"]}
    assert list(rows) == ["all", "a", "b", "c"]
    for number, row in enumerate(rows.values(), start=-1):
        inside = np.full(COUNT, True) if number < 0 else kind == number
        assert (row["n"], row["users"]) == (inside.sum(), len(set(user[inside])))
        for name in ("nll", "mrr", "hit@3", "hit@10", "ndcg@3", "ndcg@10"):
            mean, error = by_loops(answers, user, inside, name)
            assert row[name] == pytest.approx(mean)
            assert row["standard_error" if name == "nll" else f"{name}_standard_error"] == pytest.approx(error)


def test_one_user_has_no_standard_error(answers: Answers) -> None:
    found = figures(Measures().values(answers), np.ones(COUNT, int))
    assert found["standard_error"] is found["mrr_standard_error"] is None
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_metrics_are_told_in_the_order_asked_for(answers: Answers, user: np.ndarray) -> None:
    found = figures(Measures(("ndcg", "mrr"), (20, 5)).values(answers), user)
    assert list(shown(found)) == ["ndcg@20", "ndcg@5", "mrr", "users", "n"]
    for names, said in ((("auc",), "'auc'"), ((), "none")):
        with pytest.raises(ValueError, match=f"expected metrics of nll, hit, mrr, ndcg, found {said}"):
            Measures(names)


def test_slices_are_printed(answers: Answers, user: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = Kinds(("new", "repeat"), user % 2)
    print_slices(sliced(Measures().values(answers), user, {"item": kinds}))
    heading, *rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip(" ─")]
    assert heading == ["item", "NLL", "s.e.", "hit@10", "MRR", "NDCG@10", "users", "events"]
    assert [row[0] for row in rows] == ["new", "repeat"]
    assert sum(int(row[-1]) for row in rows) == COUNT
