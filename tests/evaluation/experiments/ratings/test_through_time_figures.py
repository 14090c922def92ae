"""Figures 5 to 8 and turning tastes, of a model that knows what was planted: each is found whole, and nothing else."""

from __future__ import annotations

import dataclasses
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as Canvas

from rrn_tf.data.synthetic_effects import EFFECTS, SyntheticEffects, SyntheticEffectsConfig, generate_effects
from rrn_tf.evaluation.average_ratings import average_ratings_of_pairs, first_rated, sampled_users
from rrn_tf.evaluation.experiments.exhibits import Figure, Omitted
from rrn_tf.evaluation.experiments.ratings import (
    around_events,
    by_item_age,
    through_the_calendar,
    turning_tastes,
    two_groups,
)
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.features import Side
from tests.effects import only_column, sequences_of, subject_of

MODULES = [around_events, by_item_age, two_groups, through_the_calendar, turning_tastes]
PLANTED = SyntheticEffectsConfig(users=60, items=60, ratings=2_000, seed=1)
NOTHING = dataclasses.replace(PLANTED, **dict.fromkeys(EFFECTS, 0.0))


@pytest.fixture(scope="module")
def made() -> SyntheticEffects:
    return generate_effects(PLANTED)


@pytest.fixture(scope="module")
def subject(made: SyntheticEffects) -> RatingSubject:
    return subject_of(made, sequences_of(made))


def alone(effect: str) -> RatingSubject:
    """A subject with one effect alone, 1 in size."""
    made = generate_effects(dataclasses.replace(NOTHING, **{effect: 1.0}))
    return subject_of(made, sequences_of(made))


def asking(subject: RatingSubject, **options: Any) -> RatingSubject:
    """The same subject, asked for something else."""
    other = dataclasses.replace(subject, options=dataclasses.replace(subject.options, **options))
    other.__dict__["through_time"] = subject.through_time
    return other


def only(module: ModuleType, subject: RatingSubject) -> Figure:
    (found,) = module.exhibits(subject)
    assert isinstance(found, Figure)
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.NAME)
def test_figures_can_be_drawn_and_read_without_colour(module: ModuleType, subject: RatingSubject) -> None:
    found = only(module, subject)
    canvas = Canvas(figsize=found.size)
    found.draw(canvas)
    (axes,) = canvas.axes
    legend = axes.get_legend()
    assert legend is not None
    lines = [line for line in axes.lines if line.get_marker() not in ("None", "", "|", "_")]
    looks = {(line.get_linestyle(), line.get_marker()) for line in lines}
    assert len(looks) == len(legend.get_texts()) > 1
    assert not found.frame.drop(columns="standard_error").isna().any(axis=None)
    assert "whole model" in found.caption
    assert "  " not in found.caption
    assert found.caption.endswith(".")


def test_an_award_is_found_and_fades() -> None:
    subject = alone("award")
    found = only(around_events, subject)
    predicted = only_column(found.frame, "ratings", "predicted").set_index("days")["rating"]
    # 15 days after it e^-0.1 is left, after 180 days e^-1.2.
    assert predicted[15] == pytest.approx(np.exp(-0.1), abs=0.05)
    assert predicted[180] == pytest.approx(np.exp(-1.2), abs=0.05)
    assert predicted[-15] == pytest.approx(0, abs=0.02)
    observed = only_column(found.frame, "ratings", "observed")
    assert observed.loc[observed["days"] > 0, "rating"].mean() > 0.3
    assert "In the 60 days after the event predictions differ by +0.7" in found.caption


def test_events_of_unknown_items_and_other_times_are_left_out_and_counted(subject: RatingSubject) -> None:
    given = subject.options.events
    assert given is not None
    added = pd.DataFrame({"item_id": ["nobody", given["item_id"][0]], "date": ["2005-06-01", "1990-01-01"]})
    around = around_events.around_events(subject, pd.concat([given, added]))
    assert around.left_out == 2 + len(given) - len(around_events.around_events(subject, given).items)
    (omitted,) = around_events.exhibits(asking(subject, events=added))
    assert isinstance(omitted, Omitted)
    assert "None of 2 events in `--events`" in omitted.reason
    one = asking(subject, events=given[given["item_id"] == ids_of(subject, around)[0]])
    assert "of a single event" in only(around_events, one).caption
    (omitted,) = around_events.exhibits(asking(subject, events=None))
    assert isinstance(omitted, Omitted)
    assert "--events" in omitted.reason


def ids_of(subject: RatingSubject, around: around_events.AroundEvents) -> list[str]:
    return subject.sequences.item_ids[around.items - 1].tolist()


def test_age_is_found_among_new_items() -> None:
    found = only(by_item_age, alone("age"))
    predicted = only_column(found.frame, "ratings", "predicted").set_index("days")["rating"]
    assert predicted.iloc[0] < -0.5
    assert predicted.iloc[-1] == pytest.approx(0, abs=0.1)
    observed = only_column(found.frame, "ratings", "observed")["rating"]
    assert observed.iloc[-3:].mean() - observed.iloc[0] > 0.3
    assert "older items are rated higher" in found.caption


def test_the_change_of_the_scale_and_the_season_are_found() -> None:
    found = only(through_the_calendar, alone("scale"))
    assert "rises most around 2005-12-" in found.caption or "rises most around 2006-01-" in found.caption
    assert "by +1.000" in found.caption
    season = only(through_the_calendar, alone("season")).caption
    assert "has an amplitude of 1.0" in season
    assert "highest around 1 January" in season or "31 December" in season


def test_calendar_lines_are_those_of_groups_of_items(subject: RatingSubject) -> None:
    found = only(through_the_calendar, subject)
    names = found.frame["items"].unique().tolist()
    assert names[-2:] == ["all items", "observed"]
    assert {"2005", "2006"} & set(names)
    assert found.title.endswith("by year")
    without = asking(subject, items=None)
    assert only(through_the_calendar, without).frame["items"].unique().tolist() == ["all items", "observed"]
    (omitted,) = turning_tastes.exhibits(without)
    assert isinstance(omitted, Omitted)
    assert "--items" in omitted.reason
    others = pd.DataFrame({"item_id": [f"x{k}" for k in range(8)], "kind": list("aabbaabb")})
    (omitted,) = turning_tastes.exhibits(asking(subject, items=others))
    assert isinstance(omitted, Omitted)
    assert "no two kinds of kind" in omitted.reason


def test_turning_tastes_are_found_in_those_who_turned(made: SyntheticEffects, subject: RatingSubject) -> None:
    frame = only(turning_tastes, subject).frame
    change = frame.groupby("users", sort=False)["preference"].agg(lambda of: of.iloc[-1] - of.iloc[0])
    assert change.iloc[0] > 1
    assert change.iloc[2] < -1
    assert abs(change.iloc[1]) < 0.5


def test_two_groups_are_those_of_the_events_or_of_the_best_and_worst_rated(subject: RatingSubject) -> None:
    assert "best rated" in only(two_groups, subject).caption
    ids = subject.sequences.item_ids
    events = pd.DataFrame({"item_id": ids, "date": "2005-06-01", "name": np.where(np.arange(len(ids)) % 2, "a", "b")})
    assert set(only(two_groups, asking(subject, events=events)).frame["items"]) == {"a", "b"}
    (omitted,) = two_groups.exhibits(asking(subject, events=events.head(4)))
    assert isinstance(omitted, Omitted)
    assert "Too few items" in omitted.reason


def test_nothing_is_found_where_nothing_is_planted() -> None:
    made = generate_effects(NOTHING)
    subject = subject_of(made, sequences_of(made))
    around = around_events.around_events(subject, made.events)
    assert abs(around.soon_after().value) < 1e-6
    for module in (by_item_age, through_the_calendar):
        frame = only(module, subject).frame
        predicted = frame[frame.iloc[:, 0] != "observed"]["rating"]
        assert np.ptp(predicted) < 1e-5


def test_the_same_users_are_asked_at_every_time(subject: RatingSubject) -> None:
    users = sampled_users(subject.sequences, 10, seed=3)
    assert len(np.unique(users)) == 10
    assert (users == sampled_users(subject.sequences, 10, seed=3)).all()
    assert len(sampled_users(subject.sequences, 1_000, seed=3)) == subject.sequences.metadata.users.trained
    averages = subject.averages
    place = len(averages.timestamps) // 2
    time = np.full(len(averages.items), averages.timestamps[place])
    pairs = average_ratings_of_pairs(subject.through_time, averages.users, averages.items, time)
    np.testing.assert_allclose(pairs.mean, averages.of_items[:, place], atol=1e-5)
    assert averages.of_users.mean() == pytest.approx(averages.of_items.mean(), abs=1e-5)
    first = first_rated(subject.sequences, Side.ITEM)
    data = subject.sequences.item
    assert all(first[item] == data.timestamp[data.row_entity[data.rating_row] == item].min() for item in averages.items)
