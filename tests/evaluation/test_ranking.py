"""Figures of ranked lists are what a plain loop over the lists computes."""

from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.evaluation.ranking import ranking_figures, relevant_by_default


def test_figures_are_those_of_a_loop(rng: np.random.Generator) -> None:
    in_list = np.sort(rng.integers(40, size=70))
    user_of_list = rng.integers(9, size=40)
    rank = rng.integers(1, 25, 70).astype(np.float32)
    shuffled = rng.permutation(70)
    found = ranking_figures(rank[shuffled], in_list[shuffled], user_of_list[in_list[shuffled]], (3, 10))

    values: dict[str, dict[int, list[float]]] = {}
    for number in np.unique(in_list):
        ranks = sorted(rank[in_list == number])
        of_list = {"mrr": 1 / ranks[0]}
        for k in (3, 10):
            inside = [r for r in ranks if r <= k]
            ideal = sum(1 / np.log2(1 + place) for place in range(1, min(k, len(ranks)) + 1))
            of_list[f"hit@{k}"] = float(bool(inside))
            of_list[f"recall@{k}"] = len(inside) / len(ranks)
            of_list[f"ndcg@{k}"] = sum(1 / np.log2(1 + r) for r in inside) / ideal
        for name, value in of_list.items():
            values.setdefault(name, {}).setdefault(user_of_list[number], []).append(value)
    for name, of in values.items():
        means = [np.mean(of_user) for of_user in of.values()]
        assert found[name] == pytest.approx(np.mean(means), rel=1e-6)
        assert found[f"{name}_standard_error"] == pytest.approx(np.std(means, ddof=1) / np.sqrt(len(means)), rel=1e-6)
    assert found["ranked_users"] == len(means)
    assert found["ranked_lists"] == len(np.unique(in_list))
    assert found["ranked_ratings"] == 70


def test_one_user_has_no_standard_error() -> None:
    found = ranking_figures(np.array([1.0]), np.array([0]), np.array([5]), (10,))
    assert (found["hit@10"], found["ndcg@10"], found["mrr"]) == (1, 1, 1)
    assert found["hit@10_standard_error"] is None


def test_four_stars_of_five_are_relevant_by_default() -> None:
    assert relevant_by_default(1, 5) == 4
    assert relevant_by_default(1, 1) == 1
