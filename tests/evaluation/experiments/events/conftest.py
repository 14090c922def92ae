"""A subject that all experiments about events are tried on."""

from __future__ import annotations

import pytest

from rrn_tf.evaluation.experiments.scored_events import ScoredEvents, scored_events
from rrn_tf.evaluation.experiments.subjects import EventSubject
from tests.event_subjects import logged_events, subject_of


@pytest.fixture(scope="session")
def subject() -> EventSubject:
    return subject_of(logged_events())


@pytest.fixture(scope="session")
def held(subject: EventSubject) -> ScoredEvents:
    found = scored_events(subject)
    assert found is not None
    return found
