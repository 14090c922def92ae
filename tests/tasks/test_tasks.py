"""What the tasks say of themselves holds elsewhere too."""

from __future__ import annotations

from pathlib import Path

import pytest

from rrn_tf.cli import kinds
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import Config, load_config
from rrn_tf.console.tables import PRINT_METRICS, PRINT_PREPARED
from rrn_tf.evaluation.event_protocols import EVENT_PROTOCOLS
from rrn_tf.evaluation.protocols import PROTOCOLS
from rrn_tf.tasks import EVENTS, RATINGS, TASKS, task_of
from rrn_tf.tuning.space import SearchSpace

ROOT = Path(__file__).parents[2]


def test_a_configuration_says_its_task() -> None:
    assert task_of(Config()) is RATINGS
    assert task_of(CollaborativeConfig()) is EVENTS


def test_names_are_those_of_the_command_line_and_of_the_evaluation() -> None:
    assert tuple(TASKS) == kinds.MODELS
    assert RATINGS.protocols == PROTOCOLS == kinds.PROTOCOLS
    assert EVENTS.protocols == EVENT_PROTOCOLS == kinds.EVENT_PROTOCOLS
    assert PRINT_METRICS.keys() == PRINT_PREPARED.keys() == TASKS.keys()


@pytest.mark.parametrize("name", TASKS)
def test_each_has_a_preset_a_search_space_and_a_schema(name: str) -> None:
    task = TASKS[name]
    config = load_config(task.preset, kind=task.config)
    assert task_of(config) is task
    assert SearchSpace.load(None, config).varied
    assert (ROOT / "schemas" / f"{task.rows}.pbtxt").exists()
