from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rrn_tf.data.synthetic_effects import EFFECTS, SyntheticEffectsConfig, generate_effects

NOTHING = dict.fromkeys(EFFECTS, 0.0)
SMALL = SyntheticEffectsConfig(users=60, items=40, ratings=1_200, noise=0.0, bias=0.0, **NOTHING)


def test_without_effects_biases_and_noise_all_ratings_are_the_mean() -> None:
    made = generate_effects(SMALL)
    assert len(made) == 1_200
    assert len(np.unique(made.user * 40 + made.item)) == 1_200
    assert (np.diff(made.timestamp) >= 0).all()
    assert (made.rating == 3.0).all()
    assert made.best_rmse() == 0


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_effect_changes_ratings_by_its_size_and_nothing_else(effect: str) -> None:
    none, one = generate_effects(SMALL), generate_effects(dataclasses.replace(SMALL, **{effect: 0.8}))
    for name in ("user", "item", "timestamp", "released", "awarded", "kind", "turns"):
        assert (getattr(none, name) == getattr(one, name)).all()
    change = one.rating - none.rating
    assert 0.25 < np.abs(change).max() <= 0.8 + 1e-6
    later = one.timestamp >= one.changed_at
    won = one.timestamp >= one.awarded[one.item]
    if effect == "scale":
        np.testing.assert_allclose(change, np.where(later, 0.8, 0), atol=1e-6)
    if effect == "award":
        assert (change[won] > 0).all()
        assert (change[~won] == 0).all()
    if effect == "age":
        assert (change <= 0).all()
        assert change[one.timestamp - one.released[one.item] > 3 * 365 * 86_400].min() > -1e-3
    if effect == "season":
        days = (one.timestamp - one.timestamp[0]) / 86_400 % 365.25
        assert change[(days < 30) | (days > 335)].min() > 0.5
        assert change[(days > 160) & (days < 200)].max() < -0.5
    if effect == "taste":
        sign = np.sign(one.taste)[one.user] * np.where(one.kind[one.item] == 0, 1, -1)
        turned = one.turns[one.user] & (one.timestamp >= one.turned_at)
        np.testing.assert_allclose(change, 0.4 * sign * np.where(turned, -1, 1), atol=1e-6)


def test_events_and_items_are_tables_for_a_report() -> None:
    made = generate_effects(SMALL)
    assert list(made.events.columns) == ["item_id", "date", "name"]
    winners = np.flatnonzero(made.awarded < np.iinfo(np.int64).max)
    assert made.events["item_id"].tolist() == [f"i{item}" for item in winners]
    assert (made.awarded[winners] > made.released[winners]).all()
    assert made.items["kind"].value_counts().to_dict() == {"drama": 20, "comedy": 20}
    assert (made.items["year"] >= 2005).sum() == 20


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"award": -1.0}, "award should not be negative, found -1.0"),
        ({"age_days": 0.0}, "age_days should be positive, found 0.0"),
        ({"turn_at": 2.0}, "turn_at should be between 0 and 1, found 2.0"),
        ({"users": 0}, "users should be at least 1, found 0"),
        ({"ratings": 3_000}, "ratings should be at most 0.6 of users x items, found 3000"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **settings)
