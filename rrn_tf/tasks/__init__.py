"""The two tasks: predicting ratings, and predicting a user's next items.

Each task is one object, which holds everything that differs between the two.
"""

from __future__ import annotations

from typing import Any

from rrn_tf.tasks.events import EVENTS
from rrn_tf.tasks.ratings import RATINGS
from rrn_tf.tasks.task import Settings, Task

TASKS: dict[str, Task] = {task.name: task for task in (RATINGS, EVENTS)}

__all__ = ["EVENTS", "RATINGS", "TASKS", "Settings", "Task", "task_of", "task_of_saved"]


def task_of(config: Settings) -> Task:
    """Returns the task of a configuration."""
    return next(task for task in TASKS.values() if isinstance(config, task.config))


def task_of_saved(model: Any) -> Task:
    """Returns the task of a model that `rrn_tf.serving.load.load_saved_model` loaded."""
    return next(task for task in TASKS.values() if isinstance(model, task.saved_model))
