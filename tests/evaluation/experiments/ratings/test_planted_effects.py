"""A model trained on ratings with planted effects: the experiments find each, and none where none is planted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from rrn_tf.config import RRN_PLUS, load_config
from rrn_tf.data.synthetic_effects import EFFECTS, SyntheticEffects, SyntheticEffectsConfig, generate_effects
from rrn_tf.evaluation.average_ratings import first_rated
from rrn_tf.evaluation.curves import Curve, Estimate
from rrn_tf.evaluation.experiments.calendar_curves import calendar_curve, calendar_fit, change_at
from rrn_tf.evaluation.experiments.item_ages import item_ages
from rrn_tf.evaluation.experiments.ratings import around_events, turning_tastes
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.features import Side
from rrn_tf.training.alternating import train
from tests.effects import DAY, numbers, sequences_of, subject_of

pytestmark = pytest.mark.slow
PLANTED = SyntheticEffectsConfig()
# Tastes are left, which do not turn, so that there is something to learn and all that moves could.
NOTHING = dataclasses.replace(PLANTED, **dict.fromkeys(set(EFFECTS) - {"taste"}, 0.0), turn_share=0.0)
# Without effects everything is within this many standard errors: five figures are looked at.
_CHANCE = 3.0


class Trained(NamedTuple):
    """A generator's ratings and a model of them as the subject of a report."""

    made: SyntheticEffects
    subject: RatingSubject

    @property
    def all_items(self) -> Curve:
        averages = self.subject.averages
        rated_from = first_rated(self.subject.sequences, Side.ITEM)[averages.items]
        return calendar_curve(averages, rated_from, np.arange(len(averages.items)))

    @property
    def turn(self) -> Estimate:
        """By how much more the preference of those who turn changes than that of the others, in favour of the old one.

        Where nobody turns, they are every third user.
        """
        subject, made = self.subject, self.made
        users, items = subject.averages.users, subject.averages.items
        kind = made.kind[numbers(subject.sequences.item_ids)[items]]
        tastes = turning_tastes.tastes_of(subject, users, items[kind == 0], items[kind == 1])
        number = numbers(subject.sequences.user_ids)[users]
        turns, times = made.turns[number] if made.turns.any() else number % 3 == 0, tastes.timestamps
        before = (times < made.turned_at) & (times >= made.turned_at - 60 * DAY)
        after = times >= made.turned_at + 60 * DAY
        curves = (tastes.curve(rows, np.sign(made.taste[number])) for rows in (turns, ~turns))
        (value, error), (others, its_error) = (curve.change(before, after) for curve in curves)
        return Estimate(value - others, float(np.hypot(error, its_error)))


def trained(config: SyntheticEffectsConfig, folder: Path) -> Trained:
    made = generate_effects(config)
    # Tastes turn late, when the model has learnt them, and shortly before the cutoff.
    sequences = sequences_of(made, train_fraction=0.95)
    model = train(sequences, folder, load_config(RRN_PLUS)).model
    return Trained(made, subject_of(made, sequences, model))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return trained(PLANTED, tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return trained(NOTHING, tmp_path_factory.mktemp("nothing"))


def award(of: Trained) -> Estimate:
    events = of.subject.options.events
    assert events is not None
    return around_events.around_events(of.subject, events).soon_after()


def age(of: Trained) -> Estimate:
    ages = item_ages(of.subject)
    return ages.ends(ages.curve())


def scale(of: Trained) -> Estimate:
    return change_at(of.all_items, of.subject.averages.timestamps, of.made.changed_at)


def season(of: Trained) -> Estimate:
    fit = calendar_fit(of.all_items, of.subject.averages.timestamps, of.made.changed_at)
    assert fit is not None
    return fit.amplitude


def taste(of: Trained) -> Estimate:
    return of.turn


FOUND = [
    (award, PLANTED.award),
    (age, PLANTED.age),
    (scale, PLANTED.scale),
    (season, PLANTED.season),
    (taste, -2 * PLANTED.taste),
]
NAMES = [found.__name__ for found, _ in FOUND]


@pytest.mark.parametrize(("found", "size"), FOUND, ids=NAMES)
def test_an_effect_is_found_with_its_sign_and_half_its_size(
    found: Callable[[Trained], Estimate], size: float, planted: Trained
) -> None:
    value, error = found(planted)
    assert 0.5 < value / size < 1.5
    assert abs(value) > 5 * error


@pytest.mark.parametrize(("found", "size"), FOUND, ids=NAMES)
def test_no_effect_is_found_where_there_is_none(
    found: Callable[[Trained], Estimate], size: float, nothing: Trained
) -> None:
    value, error = found(nothing)
    assert abs(value) < _CHANCE * error + 1e-6
    assert abs(value) < 0.1 * abs(size)
