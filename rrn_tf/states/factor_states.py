"""Predictions of a data set's ratings by a model's Bayesian factors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from rrn_tf.data.sequences import RatingSequences
from rrn_tf.factors.beliefs import Beliefs, FloatArray, expected_ratings
from rrn_tf.factors.filter import FactorFilter
from rrn_tf.features import SIDES, Side
from rrn_tf.models.rrn import RRN


class FactorStates:
    """Predicts ratings by a model's Bayesian factors under one protocol.

    Under streaming each rating after the cutoff is predicted from all ratings of strictly earlier seconds, whatever the
    network's steps are. Training ratings are predicted by the factors after training, which include them.

    Args:
      model: a model with Bayesian factors.
      sequences: the data.
      streams: whether ratings after the cutoff are revealed (streaming protocol).

    Attributes:
      followed: whether `follow` has been called.
    """

    def __init__(self, model: RRN, sequences: RatingSequences, streams: bool) -> None:
        self._model, self._sequences, self._streams = model, sequences, streams
        self._later = np.flatnonzero(sequences.user.timestamp >= sequences.metadata.cutoff)
        self._standing: dict[Side, FloatArray] = {}
        self._expected = np.zeros(len(self._later), np.float32)
        self._moved = np.zeros(len(self._later), bool)
        self.followed = False

    def follow(self, start: Mapping[Side, Beliefs] | None = None) -> Mapping[Side, Beliefs]:
        """Recomputes all predictions from the model's present factors.

        Args:
          start: per side, initial beliefs about all entities; by default those after training.

        Returns:
          Per side, the beliefs about all entities after the ratings.
        """
        scale, totals = self._model.factor_scale, self._sequences.metadata.entities
        beliefs = start or {
            side: self._model.trained_beliefs(side).enlarged(totals(side).total + 1, scale.prior(side))
            for side in SIDES
        }
        for side in SIDES:
            # Zero drift, because the posterior variance does not change the expected vector.
            posterior = beliefs[side].posterior(scale.prior(side), np.zeros(len(beliefs[side].mean), np.float32))
            self._standing[side] = posterior.standing
        if self._streams and len(self._later):
            later = self._sequences.ratings_at(self._later)
            set_vectors = {side: self._model.set_vectors(side) for side in SIDES}
            following = FactorFilter(later, beliefs, self._sequences.metadata.cutoff)
            self._expected, self._moved, beliefs = following.run(set_vectors, scale)
        self.followed = True
        return beliefs

    def ratings(self, positions: npt.NDArray[np.int64]) -> FloatArray:
        """Predicts the ratings at positions of the user side: float32[N]."""
        data, scale = self._sequences.user, self._model.factor_scale
        user, item = data.entity_of(positions), data.opposite[positions]
        rating = expected_ratings(self._standing[Side.USER][user], self._standing[Side.ITEM][item], scale.mean)
        if self._streams:
            streamed, place = self._among_later(positions)
            rating[streamed] = self._expected[place]
        return rating

    def moved(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Returns bool[N]: whether each rating's user had ratings between training and this rating."""
        found = np.zeros(len(positions), bool)
        if self._streams:
            streamed, place = self._among_later(positions)
            found[streamed] = self._moved[place]
        return found

    def _among_later(self, positions: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Returns which positions hold ratings after the cutoff, and the index of each among those ratings."""
        streamed = np.flatnonzero(np.isin(positions, self._later))
        return streamed, np.searchsorted(self._later, positions[streamed])
