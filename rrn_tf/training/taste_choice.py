"""Which tastes: how much of them, and how fast they move, by validation ratings."""

from __future__ import annotations

import itertools

import numpy as np

from rrn_tf.config import TrainingConfig
from rrn_tf.evaluation.metrics import rmse
from rrn_tf.evaluation.protocols import STREAMING, streaming_states
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.models.tastes import Tastes, TasteScale
from rrn_tf.training.row_states import RowStates
from rrn_tf.training.taste_fit import FittedTastes, iterate_tastes

_SHARES = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
_DRIFTS = (0.1, 0.3, 1.0, 3.0, 10.0)
_DEFAULT_SHARE, _DEFAULT_DRIFT = 0.3, 1.0
_SWEEPS, _STEP = 30, 5  # at most; a posterior is judged every so many


def fit_tastes(states: RowStates, config: TrainingConfig) -> None:
    """Sets the model's tastes from what its states leave of the training ratings, and refreshes the states.

    Each training rating is less what earlier ratings alone said of it, so that tastes are fitted to errors like those to
    come. How strong tastes are is chosen on the validation ratings by the protocol of `config.selection`, and how fast
    later ratings move them by streaming; where none are better than no tastes, there are none.

    Args:
      states: refreshed, of a trained network without tastes.
      config: for `selection`, `seed` and `rows_per_batch`.
    """
    model, sequences = states.model, states.sequences
    # As if there were no test ratings: they may not even move the states by which tastes are chosen.
    seen = sequences.without([Split.TEST, Split.TEST_COLD])
    rows = seen.rows_of([Split.VALID])
    valid, streamed = seen.interactions([Split.VALID]), streaming_states(model, seen, config.rows_per_batch)
    expected = (
        streamed.predict(rows)
        if config.selection == STREAMING
        else states.predict(sequences.rows_of([Split.VALID]))
    )
    if len(rows):
        best = rmse(expected, valid.rating)
    bounds = sequences.metadata.rating_min, sequences.metadata.rating_max

    train = sequences.interactions([Split.TRAIN])
    residual = train.rating - states.predict(sequences.rows_of([Split.TRAIN]))
    chosen: FittedTastes | None = None
    for share in _SHARES if len(rows) else [_DEFAULT_SHARE]:
        sweeps = iterate_tastes(
            train.user, train.item, residual, (train.num_users, train.num_items), model.taste, share, config.seed
        )
        for fitted in itertools.islice(sweeps, _STEP - 1, _SWEEPS, _STEP):
            if not len(rows):
                chosen = fitted
                continue
            said = np.einsum("nk,nk->n", fitted.means[0][valid.user], fitted.means[1][valid.item])
            found = rmse(np.clip(expected + said, *bounds), valid.rating)
            if found < best:
                best, chosen = found, fitted
    if chosen is None:
        return
    best = float("inf")
    drifts = {}
    for drift in _DRIFTS if len(rows) else [_DEFAULT_DRIFT]:
        _set(model, chosen, drift)
        if len(rows):
            streamed.follow_tastes()
            drifts[drift] = rmse(streamed.predict(rows), valid.rating)
    if drifts:
        _set(model, chosen, min(drifts, key=drifts.__getitem__))
    states.refresh_all()


def _set(model, fitted: FittedTastes, drift: float) -> None:
    tastes = {side: Tastes.of(mean, variance) for side, mean, variance in zip(SIDES, fitted.means, fitted.variances)}
    model.set_tastes(tastes, TasteScale(fitted.noise, fitted.prior, drift))
