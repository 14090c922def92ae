"""Which tastes: how strong they are and how fast they move, by validation ratings."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from rrn_tf.config import TrainingConfig
from rrn_tf.data.interactions import Interactions
from rrn_tf.evaluation.metrics import rmse
from rrn_tf.evaluation.protocols import STREAMING, streaming_states
from rrn_tf.features import SIDES, Split
from rrn_tf.models.rrn import RRN
from rrn_tf.models.tastes import Tastes, TasteScale
from rrn_tf.training.row_states import RowStates
from rrn_tf.training.taste_fit import FittedTastes, iterate_tastes

_SHARES = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
_DRIFTS = (0.1, 0.3, 1.0, 3.0, 10.0)
_SWEEPS, _STEP = 30, 5  # at most; a posterior is judged every so many
# Without validation ratings.
_DEFAULT_SHARE, _DEFAULT_DRIFT = 0.3, 1.0


def fit_tastes(states: RowStates, config: TrainingConfig) -> None:
    """Sets the model's tastes from what its states leave of the training ratings, and refreshes the states.

    A training rating is taken less what earlier ratings alone said of it, so that tastes are fitted to errors like
    those to come. How strong tastes are is chosen on the validation ratings by the protocol of `config.selection`, and
    how fast later ratings move them by streaming. Where none is better than no tastes, there are none.

    Args:
      states: of the frozen protocol, refreshed, of a trained network without tastes.
      config: for `selection`, `seed` and `rows_per_batch`.
    """
    model, sequences = states.model, states.sequences
    train = sequences.interactions([Split.TRAIN])
    residual = train.rating - states.predict(sequences.rows_of([Split.TRAIN]))
    if not len(sequences.rows_of([Split.VALID])):
        *_, last = _fits(train, residual, model.taste, _DEFAULT_SHARE, config.seed)
        _set(model, last, _DEFAULT_DRIFT)
        states.follow_tastes()
        return
    # As if there were no test ratings: they may not even move the states by which tastes are chosen.
    seen = sequences.without([Split.TEST, Split.TEST_COLD])
    streamed = streaming_states(model, seen, config.rows_per_batch)
    judges = streamed if config.selection == STREAMING else states
    valid = judges.sequences.interactions([Split.VALID])
    expected = judges.predict(judges.sequences.rows_of([Split.VALID]))
    best, chosen = rmse(expected, valid.rating), None
    for share in _SHARES:
        for fitted in _fits(train, residual, model.taste, share, config.seed):
            said = np.einsum("nk,nk->n", fitted.means[0][valid.user], fitted.means[1][valid.item])
            rating = np.clip(expected + said, sequences.metadata.rating_min, sequences.metadata.rating_max)
            if (found := rmse(rating, valid.rating)) < best:
                best, chosen = found, fitted
    if chosen is None:
        return
    by_drift, rows = {}, seen.rows_of([Split.VALID])
    for drift in _DRIFTS:
        _set(model, chosen, drift)
        streamed.follow_tastes()
        by_drift[drift] = rmse(streamed.predict(rows), seen.user.rating[rows])
    _set(model, chosen, min(by_drift, key=by_drift.__getitem__))
    states.follow_tastes()


def _fits(
    train: Interactions, residual: npt.NDArray[np.float32], factors: int, share: float, seed: int
) -> Iterator[FittedTastes]:
    """Posteriors after more and more sweeps."""
    sweeps = iterate_tastes(train.user, train.item, residual, (train.num_users, train.num_items), factors, share, seed)
    return itertools.islice(sweeps, _STEP - 1, _SWEEPS, _STEP)


def _set(model: RRN, fitted: FittedTastes, drift: float) -> None:
    moments = zip(SIDES, fitted.means, fitted.variances, strict=True)
    tastes = {side: Tastes.of(mean, variance) for side, mean, variance in moments}
    model.set_tastes(tastes, TasteScale(fitted.noise, fitted.prior, drift))
