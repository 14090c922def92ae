"""A model's parts beside its network: Bayesian factors, and the weights by which parts are added up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from rrn_tf.data.sequences import RatingSequences
from rrn_tf.evaluation.metrics import rmse
from rrn_tf.evaluation.protocols import FROZEN
from rrn_tf.factors.choice import choose_drift, choose_sweeps
from rrn_tf.features import SIDES, Split
from rrn_tf.models.rrn import RRN, PartWeights
from rrn_tf.training.row_states import RowStates

FloatArray = npt.NDArray[np.float32]
_EQUAL = PartWeights(0.5, 0.5)  # without validation ratings
NETWORK, FACTORS, WHOLE = "network", "factors", "whole"


def set_factors(
    model: RRN, sequences: RatingSequences, seed: int, echo: Callable[[str], None] = lambda line: None
) -> None:
    """Fits a model's Bayesian factors to the training ratings; the number of sweeps and the drift by validation.

    Args:
      model: with Bayesian factors.
      sequences: the data, test ratings left out.
      seed: of the first factors.
      echo: is told what was chosen.
    """
    metadata = sequences.metadata
    train, valid = (sequences.interactions([split]) for split in (Split.TRAIN, Split.VALID))
    chosen = choose_sweeps(train, valid, model.bayesian_factors, seed)
    later = sequences.ratings_at(np.flatnonzero(sequences.user.timestamp >= metadata.cutoff))
    chosen = choose_drift(
        chosen,
        later,
        np.isin(later.split, (Split.VALID, Split.VALID_COLD)),
        metadata.cutoff,
        {side: metadata.entities(side).total for side in SIDES},
        (metadata.rating_min, metadata.rating_max),
    )
    model.set_factors(*chosen.fitted)
    echo(
        f"factors: {chosen.sweeps} sweeps, drift {chosen.fitted.scale.drift:g}, "
        f"valid {chosen.frozen_rmse:.4f} frozen, {chosen.streaming_rmse:.4f} streaming"
    )


class Judge:
    """Scores a network on validation ratings beside the Bayesian factors, and weighs the parts.

    Weights are not negative and minimise the mean squared error, so that a part enters only as far as validation
    ratings support it, and a part that says nothing not at all. Each protocol counts alike: a model answers by one set
    of weights before and after updates. Under streaming, ratings of unseen users and items count too.

    Args:
      by_protocol: row states of the protocols that count.
    """

    def __init__(self, by_protocol: Mapping[str, RowStates]) -> None:
        self._by_protocol = by_protocol
        self._rows = {
            protocol: states.sequences.rows_of([Split.VALID] if protocol == FROZEN else [Split.VALID, Split.VALID_COLD])
            for protocol, states in by_protocol.items()
        }

    @property
    def has_ratings(self) -> bool:
        """Whether there is anything to judge by."""
        return any(map(len, self._rows.values()))

    def score(self) -> tuple[PartWeights, float]:
        """The best weights and the root of the mean over protocols of their mean squared errors."""
        parts, actual, share = [], [], []
        for protocol, states in self._by_protocol.items():
            rows = self._rows[protocol]
            if len(rows):
                said = [states.network_ratings(rows)]
                if states.model.bayesian_factors:
                    said.append(states.factor_ratings(rows))
                parts.append(np.stack(said, axis=1))
                actual.append(states.sequences.user.rating[rows])
                share.append(np.full(len(rows), 1 / len(rows)))
        limits = next(iter(self._by_protocol.values())).sequences.metadata
        ratings, given, counts = (np.concatenate(column) for column in (parts, actual, share))
        return weigh(ratings, given, counts, (limits.rating_min, limits.rating_max))


def weigh(
    parts: npt.NDArray[np.floating],
    actual: npt.NDArray[np.floating],
    share: npt.NDArray[np.floating],
    rating_range: tuple[float, float],
) -> tuple[PartWeights, float]:
    """Weights of a network and, beside it, of factors, and the error that they leave.

    Args:
      parts: float[N, 1 or 2], what each says of N ratings; a network alone keeps its ratings as they are.
      actual: float[N].
      share: float[N], what each rating counts.
      rating_range: predictions are clipped to it.

    Returns:
      The weights, and the root of the mean squared error.
    """
    share = share / share.sum()
    weights = PartWeights()
    if parts.shape[1] > 1:
        mean, root = float(share @ actual), np.sqrt(share)
        # The constant may be of either sign.
        design = np.column_stack([parts - mean, np.ones(len(parts)), -np.ones(len(parts))]) * root[:, np.newaxis]
        (network, factors, up, down), _ = nnls(design, (actual - mean) * root)
        weights = PartWeights(float(network), float(factors), mean * (1 - network - factors) + up - down)
    said = parts @ np.array(weights[: parts.shape[1]]) + weights.constant
    left = np.clip(said, *rating_range) - actual
    return weights, float(np.sqrt(share @ left**2))


def weigh_parts(model: RRN, judge: Judge) -> PartWeights:
    """Sets the weights of a trained model's parts."""
    weights = PartWeights()
    if model.bayesian_factors:
        weights = judge.score()[0] if judge.has_ratings else _EQUAL
    model.set_part_weights(weights)
    return weights


def parts_alone(
    by_protocol: Mapping[str, RowStates], splits: Sequence[Split]
) -> dict[str, dict[str, dict[str, float]]]:
    """RMSE of each part alone and of the whole: ``{split: {protocol: {part: rmse}}}``; empty splits are left out."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for split in splits:
        for protocol, states in by_protocol.items():
            rows, limits = states.sequences.rows_of([split]), states.sequences.metadata
            if not len(rows):
                continue
            said = {NETWORK: states.network_ratings(rows), WHOLE: states.predict(rows)}
            if states.model.bayesian_factors:
                said[FACTORS] = states.factor_ratings(rows)
            actual = states.sequences.user.rating[rows]
            found.setdefault(split.label, {})[protocol] = {
                part: rmse(np.clip(ratings, limits.rating_min, limits.rating_max), actual)
                for part, ratings in said.items()
            }
    return found
