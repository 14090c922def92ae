"""What is trained beside the baselines."""

from __future__ import annotations

import pytest

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import load_config
from rrn_tf.runs.compared_networks import FORMS, MIXTURE, config_of_form, form_of


@pytest.mark.parametrize("preset", ["crnn-plus", "paper-brightkite"])
@pytest.mark.parametrize("form", [MIXTURE, *FORMS])
def test_settings_are_for_what_they_describe(preset: str, form: str) -> None:
    settings = ["model.units=7", "training.epochs=2", "training.seed=5", "data.min_item_events=3"]
    given = load_config(preset, settings, CollaborativeConfig)
    found = config_of_form(form, given)
    assert form_of(found.model) == form
    assert (found.data, found.training.seed) == (given.data, 5)
    described = given.model.mixture == (form == MIXTURE)
    assert (found.model.units == 7, found.training.epochs == 2) == (described, described)
    if form == MIXTURE and described:
        assert found == given
