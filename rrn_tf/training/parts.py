"""A model's parts beside its network: Bayesian factors, and the weights by which parts are added up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from rrn_tf.data.sequences import RatingSequences
from rrn_tf.evaluation.metrics import rmse
from rrn_tf.evaluation.protocols import FROZEN
from rrn_tf.factors.choice import choose_drift, choose_sweeps
from rrn_tf.features import SIDES, Split
from rrn_tf.models.rrn import RRN, PartWeights, UserWeights
from rrn_tf.training.row_states import RowStates

FloatArray = npt.NDArray[np.float32]
_EQUAL = PartWeights(0.5, 0.5)  # without validation ratings
_FEWEST = 100  # validation ratings of users of one kind that give these weights of their own
_SAME = 0.05  # of the standard deviation of ratings
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
    ratings support it, and a part that says nothing not at all. Users without ratings since training have weights of
    their own. Each protocol counts alike: a model answers by one set of weights before and after updates. Under
    streaming, ratings of unseen users and items count too.

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

    def score(self) -> tuple[UserWeights, float]:
        """The best weights and the root of the mean over protocols of their mean squared errors."""
        columns: list[list[npt.NDArray[Any]]] = [[], [], [], []]
        for protocol, states in self._by_protocol.items():
            if len(rows := self._rows[protocol]):
                said = [states.network_ratings(rows)]
                if states.model.bayesian_factors:
                    said.append(states.factor_ratings(rows))
                actual = states.sequences.user.rating[rows]
                found = (np.stack(said, axis=1), actual, states.users_moved(rows), np.full(len(rows), 1 / len(rows)))
                for column, values in zip(columns, found, strict=True):
                    column.append(values)
        limits = next(iter(self._by_protocol.values())).sequences.metadata
        parts, actual, moved, share = map(np.concatenate, columns)
        return weigh_users(parts, actual, moved, share, (limits.rating_min, limits.rating_max))


def weigh_users(
    parts: FloatArray,
    actual: FloatArray,
    moved: npt.NDArray[np.bool_],
    share: npt.NDArray[np.floating],
    rating_range: tuple[float, float],
) -> tuple[UserWeights, float]:
    """Weights for both kinds of users, and the error that they leave.

    Args:
      parts: float[N, 1 or 2], what a network and, beside it, factors say of N ratings; a network alone keeps its
        ratings as they are.
      actual: float[N].
      moved: bool[N], whether the user has had ratings since training.
      share: float[N], what each rating counts.
      rating_range: predictions are clipped to it.

    Returns:
      The weights, and the root of the mean squared error.
    """
    weights, said = UserWeights(), parts[:, 0]
    if parts.shape[1] > 1:
        # Few ratings of one kind of users say too little: then both kinds share what all say.
        alike = min(np.count_nonzero(moved), np.count_nonzero(~moved)) < _FEWEST
        kinds = [np.full(len(moved), True)] * 2 if alike else [~moved, moved]
        weights = UserWeights(*(_weigh(parts[kind], actual[kind], share[kind]) for kind in kinds))
        by_rating = np.array(weights)[moved.astype(int)]
        said = np.einsum("np,np->n", parts, by_rating[:, :2]) + by_rating[:, 2]
    left = np.clip(said, *rating_range) - actual
    return weights, float(np.sqrt(share @ left**2 / share.sum()))


def _weigh(parts: FloatArray, actual: FloatArray, share: npt.NDArray[np.floating]) -> PartWeights:
    share = share / share.sum()
    mean, root = float(share @ actual), np.sqrt(share)
    # A part that says nearly the same of all ratings, such as an untrained network, is no more than the constant,
    # which may be of either sign.
    says_something = np.sqrt(share @ (parts - share @ parts) ** 2) > _SAME * np.sqrt(share @ (actual - mean) ** 2)
    design = np.column_stack([(parts - mean) * says_something, np.ones(len(parts)), -np.ones(len(parts))])
    (network, factors, up, down), _ = nnls(design * root[:, np.newaxis], (actual - mean) * root)
    return PartWeights(float(network), float(factors), float(mean * (1 - network - factors) + up - down))


def weigh_parts(model: RRN, judge: Judge) -> UserWeights:
    """Sets the weights of a trained model's parts."""
    weights = UserWeights()
    if model.bayesian_factors:
        weights = judge.score()[0] if judge.has_ratings else UserWeights(_EQUAL, _EQUAL)
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
