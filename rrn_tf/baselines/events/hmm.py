"""A hidden Markov model of items, with parameters that all users share."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rrn_tf.baselines.events.hmm_filter import HMMParameters, predicted_states
from rrn_tf.baselines.events.protocol import DistributionModel, EventBaseline, FloatArray, mean_nll
from rrn_tf.baselines.grid_search import Trial, as_grid, search
from rrn_tf.data.event_scores import Positions, positions_of
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split

_ITERATIONS = 5  # EM iterations between two evaluations on the validation events


class PooledHMM(DistributionModel):
    """Fits hmmlearn's `CategoricalHMM` by EM; a user's history enters through the filtered hidden state alone.

    Emissions have a Dirichlet prior around the items' smoothed frequencies, so that every state gives every item some
    probability. Smoothings are tried from the strongest on, with the fewest states, until one is no better than the one
    before; then more states, for as long as they help. Every trial stops at its best round of EM iterations.

    Args:
      states, smoothing: one value, or the grid to choose from; smoothing is the strength of the emissions' prior, in
        events of a state.
      max_iterations: the most EM iterations, rounded down to a multiple of 5.
      patience: number of rounds of 5 iterations without a better validation NLL after which a trial ends.
      seed: seed of the initial transitions and emissions.

    Raises:
      ValueError: for an option out of range.
      ModuleNotFoundError: on fitting, if the extra ``baselines`` is not installed.

    Reference:
      Rabiner, A Tutorial on Hidden Markov Models, 1989.
    """

    name, reference = "HMM", "Rabiner 1989"

    def __init__(
        self,
        states: int | Sequence[int] = (8, 16, 32, 64),
        smoothing: float | Sequence[float] = (10_000.0, 3_000.0, 1_000.0, 300.0, 100.0),
        max_iterations: int = 60,
        patience: int = 2,
        seed: int = 0,
    ) -> None:
        self._states, self._smoothing = as_grid("states", states, 1), as_grid("smoothing", smoothing, 1e-3)[::-1]
        self._max_iterations, self._patience, self._seed = max_iterations, patience, seed
        self.chosen: Trial[HMMParameters] | None = None
        self._parameters: HMMParameters | None = None

    def fit(self, sequences: EventSequences) -> PooledHMM:
        """Fits the model and sets `chosen` to the best trial."""
        valid = positions_of(sequences, [Split.VALID])
        states, smoothing = self._states, self._smoothing
        if not len(valid):
            states, smoothing = [states[len(states) // 2]], [smoothing[len(smoothing) // 2]]
        self.chosen = search(
            lambda number, strength: self._trial(sequences, valid, number, strength), states, smoothing
        )
        self._parameters = self.chosen.parameters
        return self

    @property
    def num_parameters(self) -> int:
        """Number of initial, transition and emission probabilities."""
        return sum(values.size for values in self._fitted())

    def _contexts(self, sequences: EventSequences, positions: Positions) -> FloatArray:
        return predicted_states(self._fitted(), sequences, positions)

    def _distribution(self, contexts: FloatArray) -> FloatArray:
        return np.log(contexts @ self._fitted().emissions)

    def _trial(
        self, sequences: EventSequences, valid: Positions, states: int, smoothing: float
    ) -> Trial[HMMParameters]:
        """Fits one setting; returns it after its best round of iterations (the last, without validation events)."""
        best, best_at, kept = np.inf, 0, list[HMMParameters]()
        for done, parameters in enumerate(self._rounds(sequences, states, smoothing), 1):
            self._parameters = parameters
            found = mean_nll(self.log_probabilities(sequences, valid), sequences.user[valid])
            if found < best or not (kept and len(valid)):
                best, best_at, kept = found, done, [parameters]
            elif done - best_at == self._patience:
                break
        return Trial(states, smoothing, best_at * _ITERATIONS, best, kept[0])

    def _rounds(self, sequences: EventSequences, states: int, smoothing: float) -> Iterator[HMMParameters]:
        from hmmlearn.hmm import CategoricalHMM

        # hmmlearn warns of more parameters than events, and of a falling likelihood: the prior takes care of the first
        # and may cause the second.
        logging.getLogger(CategoricalHMM.__module__.partition(".")[0]).setLevel(logging.ERROR)
        train = positions_of(sequences, [Split.TRAIN])
        item, lengths = sequences.item[train] - 1, sequences.counts([Split.TRAIN])
        popularity = np.bincount(item, minlength=sequences.num_items) + 1.0
        popularity /= popularity.sum()
        rng = np.random.default_rng(self._seed)
        model: Any = CategoricalHMM(
            states,
            startprob_prior=1.1,
            transmat_prior=1.1,
            emissionprob_prior=1 + smoothing * popularity,
            n_features=sequences.num_items,
            n_iter=_ITERATIONS,
            tol=-np.inf,
            init_params="",
            implementation="scaling",
        )
        model.startprob_ = np.full(states, 1 / states)
        model.transmat_ = _rows(rng.random((states, states)) + states * np.eye(states))
        # Emissions differ between states from the start: equal states would stay equal under EM.
        model.emissionprob_ = _rows(popularity * rng.gamma(0.5, size=(states, sequences.num_items)) + 1e-3 * popularity)
        for _ in range(max(self._max_iterations // _ITERATIONS, 1)):
            model.fit(item[:, np.newaxis], lengths[lengths > 0])
            yield HMMParameters(
                *(p.astype(np.float32) for p in (model.startprob_, model.transmat_, model.emissionprob_))
            )

    def _fitted(self) -> HMMParameters:
        if self._parameters is None:
            raise RuntimeError(f"{self.name} should be fitted before it is used")
        return self._parameters


def _rows(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scales each row to add up to one."""
    return values / values.sum(axis=1, keepdims=True)


def slow(seed: int) -> list[EventBaseline]:
    """The leaderboard's."""
    return [PooledHMM(seed=seed)]
