"""Training and validation of a configuration, without any use of test data."""

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
    """The best epoch's validation loss by the protocol of `training.selection`, that epoch, and the epochs trained."""

    loss: float
    best_epoch: int
    epochs: int


def without_test(sequences: Sequences) -> Sequences:
    """Removes the test data, which under streaming would change the states of later validation ratings.

    Raises:
      ValueError: if no validation data are left.
    """
    left = sequences.without(TEST_SPLITS)
    if not left.has(Split.VALID):
        raise ValueError("tuning should have validation data, found none")
    return left


@contextmanager
def _tracing_expected() -> Iterator[None]:
    """Hides TensorFlow's warnings of repeated tracing, because every trial has its own functions."""
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
    """Trains an RRN or a Collaborative RNN, or resumes from its checkpoints, and validates it.

    Args:
      sequences: the data without test data.
      config: the complete configuration.
      checkpoints: the directory of this training's checkpoints.
      listeners: notified of the training's progress; their exceptions stop it.

    Raises:
      TrainingError: if the loss is not finite or explodes.
      ValueError: for incompatible settings.
    """
    keras.backend.clear_session()  # so that the graphs of earlier trials do not stay in memory
    task = task_of(config)
    with _tracing_expected():
        result = task.train(sequences, checkpoints, config, listeners=listeners, resume=True)
    return Outcome(task.validation_error(result, config), result.best_epoch, len(result.history))
