"""The prepared ratings of a training, of which each of several workers reads those of its own entities."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rrn_tf.config import Config
from rrn_tf.data.batches import plan_batches
from rrn_tf.data.load_ratings import load_part, load_sequences, load_steps
from rrn_tf.data.metadata import SequenceMetadata
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.evaluation.protocols import FROZEN
from rrn_tf.features import SIDES, Side
from rrn_tf.models.rrn import RATINGS
from rrn_tf.states.division import Peers, training_owner
from rrn_tf.training.memory import check_memory


def divides_ratings(config: Config, workers: int) -> bool:
    """Returns whether each of several workers holds the ratings of its own entities alone.

    Propagating innovations, fitting and following Bayesian factors, and the streaming protocol in validation, which
    numbers steps anew without test ratings, need all ratings.
    """
    model = config.model
    by_side = model.inputs == RATINGS and not model.bayesian_factors and config.training.selection == FROZEN
    return by_side and workers > 1


class TrainingData:
    """The ratings that a worker holds: all that it is given, or of a directory those of its own entities.

    Args:
      data: a prepared data set, or its directory (see `rrn_tf.data.load_ratings.load_sequences`), of which only the own
        entities' ratings are held where `divides_ratings`.
      config: the complete configuration.
      replicas: number of all workers' replicas.
      peers: the workers.

    Attributes:
      sequences: what this worker holds.

    Raises:
      TooLargeError: if the training needs more memory than there is.
      FileNotFoundError, DamagedFileError: as by `load_sequences`.
    """

    def __init__(self, data: str | Path | RatingSequences, config: Config, replicas: int, peers: Peers) -> None:
        self._data = data
        if isinstance(data, RatingSequences):
            self.sequences = data
            _check_memory(data, config)
            return
        workers = peers.count if divides_ratings(config, peers.count) else 1
        chief = peers.number == 0
        check_memory(SequenceMetadata.load(data), config, workers=workers, chief=chief)
        if workers == 1:
            self.sequences = load_sequences(data)
            _check_memory(self.sequences, config)
            return
        steps, owner = load_steps(data), {}
        _check_memory(steps, config, workers, chief)
        for side in SIDES:
            plan = plan_batches(steps.side(side), steps.metadata, config.training.rows_per_batch, replicas)
            owner[side] = training_owner(plan, workers)
        self.sequences = load_part(data, steps, owner, peers.number)

    def all_users(self) -> RatingSequences:
        """Returns sequences with the ratings of all users, read again where this worker holds its own alone.

        The ratings of items are then still those of its own items.
        """
        if isinstance(self._data, RatingSequences) or not self.sequences.divided:
            return self.sequences
        this_worker = np.zeros(len(self.sequences.user.row_splits) - 1, np.int16)
        return load_part(self._data, self.sequences, {Side.USER: this_worker}, 0)


def _check_memory(sequences: RatingSequences, config: Config, workers: int = 1, chief: bool = True) -> None:
    steps = {side: sequences.side(side).num_rows for side in SIDES}
    check_memory(sequences.metadata, config, steps, workers=workers, chief=chief)
