"""All models on the held-out events, against means of means by pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rrn_tf.evaluation.experiments.events import models
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Table
from rrn_tf.evaluation.experiments.subjects import EventSubject
from rrn_tf.features import Split
from tests.event_subjects import logged_events, subject_of


@pytest.fixture(scope="module")
def found(subject: EventSubject) -> dict[str, Exhibit]:
    return {exhibit.name: exhibit for exhibit in models.exhibits(subject)}


@pytest.mark.parametrize("protocol", ["clean", "interleaved"])
def test_figures_of_each_protocol(protocol: str, subject: EventSubject, found: dict[str, Exhibit]) -> None:
    table = found[f"models_{protocol}"]
    assert isinstance(table, Table)
    scored = subject.scores[protocol]
    user = subject.sequences.user[scored.positions]
    rows = table.frame.set_index("model")
    assert rows["NLL"].is_monotonic_increasing
    network = pd.Series(-scored.models["mixture"].log_probability)
    for name, scores in scored.models.items():
        rank = pd.Series(scores.rank)
        nll = pd.Series(-scores.log_probability).groupby(user).mean()
        assert rows.at[name, "NLL"] == pytest.approx(nll.mean(), rel=1e-5)
        assert rows.at[name, "s.e."] == pytest.approx(nll.std() / np.sqrt(len(nll)), rel=1e-4)
        values = {"hit@10": rank <= 10, "MRR": 1 / rank, "NDCG@10": (rank <= 10) / np.log2(1 + rank)}
        for metric, value in values.items():
            assert rows.at[name, metric] == pytest.approx(value.groupby(user).mean().mean(), rel=1e-5)
        if name == "mixture":
            assert np.isnan(rows.at[name, "difference"])
            continue
        difference = (pd.Series(-scores.log_probability) - network).groupby(user).mean()
        assert rows.at[name, "difference"] == pytest.approx(difference.mean(), rel=1e-4)
        error = difference.std() / np.sqrt(len(difference))
        assert rows.at[name, "s.e. of difference"] == pytest.approx(error, rel=1e-4)


def test_the_caption_says_which_differences_are_established() -> None:
    rivals = [("worse, much", 0.01), ("better", 2.0), ("alike", 0.3)]
    table = models.exhibits(subject_of(logged_events(users=40), [("mixture", 0.3), *rivals]))[0]
    assert isinstance(table, Table)
    assert "160 test events of 40 users" in table.caption
    assert (
        'mixture is better than "worse, much" and worse than better. Not established: whether mixture is better or '
        "worse than alike."
    ) in table.caption


def test_nothing_is_established_by_one_user_or_by_chance() -> None:
    for users, words in (
        (1, "Nothing is established: a standard error takes two users"),
        (6, "Nothing is established: the difference to mixture is within two standard errors"),
    ):
        table = models.exhibits(subject_of(logged_events(users=users), [("mixture", 0.3), ("alike", 0.3)]))[0]
        assert isinstance(table, Table)
        assert words in table.caption
        assert "Established" not in table.caption


def test_validation_events_are_named_as_such() -> None:
    table = models.exhibits(subject_of(logged_events().without([Split.TEST])))[0]
    assert isinstance(table, Table)
    assert "18 validation events of 9 users" in table.caption
    assert "There are no test events" in table.caption


def test_the_figure_shows_the_closest_models() -> None:
    rivals = [(f"rival {number}", 0.02 * number) for number in range(10)]
    figure = models.exhibits(subject_of(logged_events(), [("mixture", 0.6), *rivals]))[1]
    assert isinstance(figure, Figure)
    assert len(figure.frame) == 8
    assert "2 models further away stand in the table alone" in figure.caption
    closest = figure.frame.loc[figure.frame["difference"].abs().idxmin(), "model"]
    assert f"The closest is {closest} (" in figure.caption
