"""What a configuration is worth on validation ratings or events, as if those of the test did not exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf
import tf_keras as keras

from rrn_tf.data.events import EventSequences
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.features import Split
from rrn_tf.tasks import Settings, task_of
from rrn_tf.training.listeners import Listener

Sequences = RatingSequences | EventSequences
TEST_SPLITS = (Split.TEST, Split.TEST_COLD)


class Outcome(NamedTuple):
    """Validation loss of the best epoch, by the protocol of `training.selection`; which that is, and of how many."""

    loss: float
    best_epoch: int
    epochs: int


def without_test(sequences: Sequences) -> Sequences:
    """The data without those of the test: streamed ratings would move the states of later validation.

    Raises:
      ValueError: where nothing is left to choose by.
    """
    left = sequences.without(TEST_SPLITS)
    if not left.has(Split.VALID):
        raise ValueError("tuning should have validation data, found none")
    return left


@contextmanager
def _tracing_expected() -> Iterator[None]:
    """Keeps TensorFlow from warning of functions that are traced anew: every trial has its own."""
    log = tf.get_logger()
    level = log.level
    log.setLevel("ERROR")
    try:
        yield
    finally:
        log.setLevel(level)


def train_and_validate(
    sequences: Sequences, config: Settings, checkpoints: Path, listeners: Sequence[Listener] = ()
) -> Outcome:
    """Trains an RRN or a Collaborative RNN, or goes on from its checkpoints.

    Args:
      sequences: data without those of the test.
      config: everything that decides the result.
      checkpoints: of this training.
      listeners: are told of it; what they raise stops it.

    Raises:
      TrainingError: where the loss is not finite or explodes.
      ValueError: for settings that do not go with one another.
    """
    keras.backend.clear_session()  # or the graphs of all trials would stay in memory
    task = task_of(config)
    with _tracing_expected():
        result = task.train(sequences, checkpoints, config, listeners=listeners, resume=True)
    return Outcome(task.validation_error(result, config), result.best_epoch, len(result.history))
