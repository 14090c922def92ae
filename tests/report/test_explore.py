from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import rrn_tf
from rrn_tf.evaluation.experiments.subjects import ReportOptions
from rrn_tf.features import Side
from rrn_tf.report.explore import explore_data
from rrn_tf.report.page import Heading, page_of
from rrn_tf.report.run_files import find_run
from rrn_tf.report.subjects_of_runs import subject_of
from rrn_tf.serving.similar_items import most_similar
from tests.explored import ITEMS, TITLES, USERS, MadeUpVectors, event_subject, made_up_next_items, rating_subject


def scores(dates: list[int], item_ids: list[str]) -> np.ndarray:
    """float[U, N, D], the made-up ratings before clipping."""
    made, items, columns = MadeUpVectors(), np.array([int(name[1:]) for name in item_ids]), []
    for date in dates:
        users = made.vectors(Side.USER, np.arange(1, USERS + 1), np.full(USERS, date))
        columns.append(users @ made.vectors(Side.ITEM, items, np.full(len(items), date)).T)
    return np.stack(columns, axis=2)


def drawn(found: dict[str, Any], place: int) -> np.ndarray:
    """Unix seconds of the ratings of an item that are drawn."""
    begin, end = found["items"]["splits"][place : place + 2]
    return found["dates"][0] + np.array(found["items"]["time"][begin:end]) * found["tick"]


def test_the_average_user_is_the_same_users_at_every_date() -> None:
    found = explore_data(rating_subject(sampled_users=USERS))
    average = np.clip(scores(found["dates"], found["items"]["id"]), 1, 5).mean(axis=0)
    np.testing.assert_allclose(found["items"]["predicted"], average, atol=0.006)
    for date, best in zip(found["compared"], found["items"]["best"], strict=True):
        assert best == np.argsort(-average[:, date], kind="stable")[:10].tolist()

    few = [explore_data(rating_subject(sampled_users=3, seed=seed)) for seed in (0, 0, 1)]
    assert few[0]["items"]["predicted"] == few[1]["items"]["predicted"] != few[2]["items"]["predicted"]
    assert few[0]["sampled"] == 3


def test_items_are_the_most_rated_and_have_their_titles() -> None:
    subject = rating_subject(explored_items=5, items=TITLES)
    found = explore_data(subject)
    counts = np.bincount(subject.sequences.user.opposite)
    assert found["items"]["count"] == sorted(counts[1:], reverse=True)[:5]
    assert (found["items"]["id"][0], found["items"]["title"][0]) == ("i1", "The title 1")
    assert found["catalogue"] == ITEMS
    assert explore_data(rating_subject(items=TITLES))["items"]["title"].count(None) == 1
    assert "title" not in explore_data(rating_subject())["items"]


def test_running_means_are_those_of_the_latest_ratings() -> None:
    subject = rating_subject()
    found, side = explore_data(subject), subject.sequences.user
    for name, means in zip(found["items"]["id"], found["items"]["mean"], strict=True):
        rows = np.flatnonzero(side.opposite == int(name[1:]))
        rows = rows[np.argsort(side.timestamp[rows], kind="stable")]
        for date, mean in zip(found["dates"], means, strict=True):
            latest = side.rating[rows[side.timestamp[rows] <= date]][-found["mean_of"] :]
            assert mean == (pytest.approx(latest.mean(), abs=0.006) if len(latest) else None)


def test_ratings_that_are_drawn_are_all_or_are_spread_evenly() -> None:
    subject = rating_subject()
    found, side = explore_data(subject), subject.sequences.user
    times = [np.sort(side.timestamp[side.opposite == int(name[1:])]) for name in found["items"]["id"]]
    for place, every in enumerate(times[1:], start=1):
        np.testing.assert_allclose(drawn(found, place), every, atol=found["tick"])
    assert len(times[0]) > len(drawn(found, 0)) == 120
    rank = np.searchsorted(times[0], drawn(found, 0) + found["tick"])
    assert np.diff(rank).max() <= len(times[0]) // 120 + 2


def test_similar_items_are_those_of_rrn_similar_at_each_date() -> None:
    found = explore_data(rating_subject())
    items = np.array([int(name[1:]) for name in found["items"]["id"]])
    for place, near in zip(found["compared"], found["items"]["near"], strict=True):
        vectors = MadeUpVectors().vectors(Side.ITEM, items, np.full(ITEMS, found["dates"][place]))
        assert near == most_similar(vectors, np.arange(ITEMS), 8)[0].tolist()


def test_no_user_is_in_the_data_unless_asked_for() -> None:
    assert "secret" not in json.dumps(explore_data(rating_subject()), allow_nan=False)
    found = explore_data(rating_subject(users=("secret-7", "secret-3", "secret-7")))
    assert [user["id"] for user in found["users"]] == ["secret-7", "secret-3"]
    assert json.dumps(found, allow_nan=False).count("secret") == 2
    with pytest.raises(ValueError, match=r"^--users: expected ids of users in the data, found 'nobody'$"):
        explore_data(rating_subject(users=("nobody",)))


def test_the_page_has_three_kilobytes_an_item_and_the_licence_of_its_charts() -> None:
    found = explore_data(rating_subject())
    assert len(json.dumps(found, separators=(",", ":"))) < 3_000 * ITEMS + 2_000
    page = page_of(Heading("Report", {}, {}, {}, {}, {}), [], found)
    assert "Copyright (c) 2022 Leon Sorokin" in page
    assert len(page) < 3_000 * ITEMS + 100_000


def test_the_best_items_of_a_user_are_those_not_rated_by_then() -> None:
    subject = rating_subject(users=("secret-7",))
    found, side = explore_data(subject), subject.sequences.user
    (user,) = found["users"]
    score = scores(found["dates"], found["items"]["id"])[6]
    np.testing.assert_allclose(user["predicted"], np.clip(score, 1, 5), atol=0.006)
    own = side.row_entity[side.rating_row] == 7
    for date, best in zip(found["compared"], user["best"], strict=True):
        rated = side.opposite[own & (side.timestamp <= found["dates"][date])]
        left = [place for place, name in enumerate(found["items"]["id"]) if int(name[1:]) not in rated]
        assert best == sorted(left, key=lambda place: -score[place, date])[:10]
    assert len(user["item"]) == len(user["time"]) == own.sum() > 0
    assert user["trained"]


def test_events_have_next_items_of_the_users_asked_for_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rrn_tf.report.explore_events.next_items_through", made_up_next_items)
    found = explore_data(event_subject(users=("u4",), explored_items=3))
    (user,), items = found["users"], found["items"]
    assert items["count"][:3] == sorted(items["count"], reverse=True)[:3]
    assert sorted(items["id"]) == sorted(f"i{item}" for item in range(15))  # all are expected at some time
    assert (user["id"], user["events"], len(user["event"])) == ("u4", 40, 40)
    history = made_up_next_items(event_subject(), "u4", 10, 60)
    assert [items["id"][place] for place in user["item"]] == history["item"].tolist()
    assert [[items["id"][place] for place in row] for row in user["next"]] == history["items"].tolist()
    assert [sum(row) for row in items["met"]] == items["count"]

    nobody = explore_data(event_subject(explored_items=3))
    assert len(nobody["items"]["id"]) == 3
    assert not nobody["users"]
    assert json.dumps(nobody).count('"u') == 1  # the name of the empty list


@pytest.mark.slow
def test_a_trained_model_is_explored_as_its_commands_answer(rating_run: Path) -> None:
    """After the cutoff items are alike as `rrn similar` says, and ratings are those of `rrn predict`."""
    model = rrn_tf.load(rating_run)
    user = model.user_ids[0]
    options = ReportOptions(users=(user,), explored_items=10**6)
    found = explore_data(subject_of(find_run(rating_run), options))
    items, date = found["items"], found["dates"][-1]
    assert sorted(items["id"]) == sorted(model.item_ids)
    predicted = model.predict(pd.DataFrame({"user_id": user, "item_id": items["id"], "timestamp": date}))
    np.testing.assert_allclose(np.array(found["users"][0]["predicted"])[:, -1], predicted["prediction"], atol=0.006)
    similar = model.similar(items["id"], at=date, k=8).groupby("item_id", sort=False)["similarity"].apply(list)
    np.testing.assert_allclose(items["likeness"][-1], similar[items["id"]].tolist(), atol=0.006)
