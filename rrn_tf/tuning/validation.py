"""What a configuration is worth: RMSE on validation ratings, as if no test rating existed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras as keras

from rrn_tf.config import Config
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.evaluation.protocols import BOTH, PROTOCOLS
from rrn_tf.features import Split
from rrn_tf.training.alternating import train
from rrn_tf.training.listeners import Listener

TEST_SPLITS = (Split.TEST, Split.TEST_COLD)


class Outcome(NamedTuple):
    """Validation RMSE, by the protocol of `training.selection`, of the best epoch; which that is, and of how many."""

    valid_rmse: float
    best_epoch: int
    epochs: int


def without_test(sequences: RatingSequences) -> RatingSequences:
    """The data without test ratings: under the streaming protocol they would move the states of later validation.

    Raises:
      ValueError: where nothing is left to choose by.
    """
    left = sequences.without(TEST_SPLITS)
    if not len(left.rows_of([Split.VALID])):
        raise ValueError("tuning should have validation ratings, found none")
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
    sequences: RatingSequences, config: Config, checkpoints: Path, listeners: Sequence[Listener] = ()
) -> Outcome:
    """Trains an RRN, or goes on from its checkpoints.

    Args:
      sequences: data without test ratings.
      config: everything that decides the result.
      checkpoints: of this training.
      listeners: are told of it; what they raise stops it.

    Raises:
      TrainingError: where the loss is not finite or explodes.
      ValueError: for settings that do not go with one another.
    """
    keras.backend.clear_session()  # or the graphs of all trials would stay in memory
    with _tracing_expected():
        result = train(sequences, checkpoints, config, listeners=listeners, resume=True)
    figures, selection = result.metrics[Split.VALID.label], config.training.selection
    counted = [figures[protocol]["rmse"] for protocol in PROTOCOLS if selection in (protocol, BOTH)]
    return Outcome(float(np.sqrt(np.mean(np.square(counted)))), result.best_epoch, len(result.history))
