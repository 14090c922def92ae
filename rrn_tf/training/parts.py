"""The Bayesian factors beside a network, and the weights by which the predictions of both parts are combined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from rrn_tf.data.arrays import Total, same, take_rows
from rrn_tf.data.interactions import clipped_rmse
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.evaluation.metrics import mae, rmse
from rrn_tf.evaluation.protocols import FROZEN
from rrn_tf.factors.choice import choose_factors
from rrn_tf.features import SIDES, Split
from rrn_tf.models.rrn import RRN, PartWeights, UserWeights
from rrn_tf.states.step_states import StepStates

FloatArray = npt.NDArray[np.float32]
_EQUAL = PartWeights(0.5, 0.5)  # the weights without validation ratings
_FEWEST = 100  # the fewest validation ratings of a kind of users for which separate weights are fitted
_SAME = 0.01  # as a fraction of the ratings' standard deviation
_FOLDS = 5
NETWORK, FACTORS, WHOLE = "network", "factors", "whole"


def set_factors(
    model: RRN, sequences: RatingSequences, seed: int, echo: Callable[[str], None] = lambda line: None
) -> None:
    """Fits a model's Bayesian factors to the training ratings; validation selects the number of sweeps and the drift.

    Args:
      model: a model with Bayesian factors.
      sequences: the data without test ratings.
      seed: the seed of the initial factors.
      echo: called with a line about the selected values.
    """
    metadata = sequences.metadata
    later = sequences.ratings_at(np.flatnonzero(sequences.user.timestamp >= metadata.cutoff))
    chosen = choose_factors(
        sequences.interactions([Split.TRAIN]),
        later,
        np.isin(later.split, (Split.VALID, Split.VALID_COLD)),
        {side: metadata.entities(side).total for side in SIDES},
        model.bayesian_factors,
        seed,
    )
    model.set_factors(*chosen.fitted)
    scale = chosen.fitted.scale
    how = f"{chosen.sweeps} sweeps" if chosen.sweeps else "followed through training"
    errors = {"frozen": chosen.frozen_rmse, "streaming": chosen.streaming_rmse}
    valid = ", ".join(f"{value:.4f} {protocol}" for protocol, value in errors.items() if np.isfinite(value))
    echo(
        f"factors: {how}, drift {scale.drift:g}, of newcomers {scale.new_drift:g}, "
        f"{f'valid {valid}' if valid else 'not validated'}"
    )


def selection_splits(selection: str) -> tuple[Split, ...]:
    """Returns the splits that validation uses: those of unseen users and items are included only under streaming."""
    return (Split.VALID,) if selection == FROZEN else (Split.VALID, Split.VALID_COLD)


class ValidationScorer:
    """Scores a network and the Bayesian factors on validation ratings, and fits the weights of these parts.

    Weights are not negative and minimise the mean squared error. They are used only if, in cross-validation over users,
    they predict better than the best part alone by more than the standard error; else that part is used alone, or just
    the mean rating. Users without ratings since training have separate weights. All protocols count equally, because a
    model uses the same weights before and after updates. Streaming includes ratings of unseen users and items.

    Args:
      by_protocol: the row states of each protocol of the validation.
    """

    def __init__(self, by_protocol: Mapping[str, StepStates]) -> None:
        self._by_protocol = by_protocol
        self._rows = {
            protocol: states.sequences.rating_indices(selection_splits(protocol))
            for protocol, states in by_protocol.items()
        }
        self._counts = {
            protocol: sum(map(states.sequences.count, selection_splits(protocol)))
            for protocol, states in by_protocol.items()
        }
        self._total = next(iter(by_protocol.values())).total if by_protocol else same
        self._scored: tuple[ValidationTable, UserWeights] | None = None

    @property
    def has_ratings(self) -> bool:
        """Whether there are validation ratings."""
        return any(self._counts.values())

    def score(self, *, trained: bool = True) -> tuple[UserWeights, float]:
        """Returns the best weights, and the root of their mean squared errors' mean over protocols.

        Args:
          trained: whether the network is trained; if not, its weight beside factors is 0.
        """
        columns: list[list[npt.NDArray[Any]]] = [[], [], [], [], []]
        for protocol, states in self._by_protocol.items():
            if self._counts[protocol]:
                rows = self._rows[protocol]
                said = [states.network_ratings(rows)]
                if states.model.bayesian_factors:
                    said.append(states.factor_ratings(rows))
                if not trained and len(said) > 1:
                    said[0] = np.zeros_like(said[0])
                user = states.sequences.user
                found: tuple[npt.NDArray[Any], ...] = (
                    np.stack(said, axis=1),
                    user.rating[rows],
                    user.entity_of(rows).astype(np.int64),
                    states.users_moved(rows),
                    np.full(len(rows), 1 / self._counts[protocol]),
                )
                for column, values in zip(columns, found, strict=True):
                    column.append(values)
        table = ValidationTable(*map(np.concatenate, columns))
        weights, error = weigh_users(table, self._range, self._total)
        self._scored = table, weights
        return weights, error

    def figures(self) -> dict[str, float]:
        """Returns RMSE and MAE of each protocol at the last `score`, by names such as ``validation/frozen/rmse``."""
        if self._scored is None:
            return {}
        table, weights = self._scored
        said, begin, found = np.clip(predicted(table, weights), *self._range), 0, dict[str, float]()
        for protocol, rows in self._rows.items():
            part = slice(begin, begin := begin + len(rows))
            if self._counts[protocol]:
                for name, error in (("rmse", rmse), ("mae", mae)):
                    found[f"validation/{protocol}/{name}"] = error(said[part], table.actual[part], self._total)
        return found

    @property
    def _range(self) -> tuple[float, float]:
        limits = next(iter(self._by_protocol.values())).sequences.metadata
        return limits.rating_min, limits.rating_max


class ValidationTable(NamedTuple):
    """The predictions of the parts for N validation ratings.

    Attributes:
      parts: float[N, 1 or 2], predictions of the network and, if there are any, of the factors.
      actual: float[N], the ratings.
      user: int[N], the users' indices.
      moved: bool[N], whether the user has had ratings since training.
      share: float[N], the weight of each rating.
    """

    parts: FloatArray
    actual: FloatArray
    user: npt.NDArray[np.integer]
    moved: npt.NDArray[np.bool_]
    share: npt.NDArray[np.floating]


def weigh_users(
    table: ValidationTable, rating_range: tuple[float, float], total: Total = same
) -> tuple[UserWeights, float]:
    """Fits weights for both kinds of users, and returns their error; a network without factors has weight 1.

    Args:
      table: the validation ratings; of a network without factors they may be one worker's.
      rating_range: the range to which predictions are clipped.
      total: as for `rrn_tf.data.arrays.root_mean_square`.

    Returns:
      The weights, and the root of the mean squared error.
    """
    weights = UserWeights()
    if table.parts.shape[1] > 1:
        # With too few ratings of one kind of users, both kinds get the weights fitted to all.
        alike = min(np.count_nonzero(table.moved), np.count_nonzero(~table.moved)) < _FEWEST
        kinds = [np.full(len(table.actual), True)] * 2 if alike else [~table.moved, table.moved]
        weights = UserWeights(*(_weigh(take_rows(table, kind)) for kind in kinds))
    left = np.clip(predicted(table, weights), *rating_range) - table.actual
    squares, shares = total(np.array([table.share @ left**2, table.share.sum()], np.float64))
    return weights, float(np.sqrt(squares / shares))


def predicted(table: ValidationTable, weights: UserWeights) -> npt.NDArray[np.floating]:
    """Combines the parts' predictions by the users' weights: float[N]; a network without factors stands alone."""
    if table.parts.shape[1] == 1:
        return table.parts[:, 0]
    return _added_up(table.parts, np.array(weights)[table.moved.astype(int)])


def _weigh(table: ValidationTable) -> PartWeights:
    """Returns fitted weights if cross-validation over users finds them better than the best part or the mean rating."""
    alone = [PartWeights(0, 0, float(table.share @ table.actual / table.share.sum())), PartWeights(0, 1)]
    if table.parts[:, 0].any():
        alone.append(PartWeights(1, 0))
    errors = [table.share * (_added_up(table.parts, np.array([of])) - table.actual) ** 2 for of in alone]
    best = int(np.argmin([error.sum() for error in errors]))
    together, fold = np.empty(len(table.actual)), table.user * 2_654_435_761 % 2**32 % _FOLDS
    for number in range(_FOLDS):
        asked = np.flatnonzero(fold == number)
        weights = np.array([_least_squares(take_rows(table, fold != number))])
        together[asked] = _added_up(table.parts[asked], weights)
    gain = errors[best] - table.share * (together - table.actual) ** 2
    by_user = np.bincount(np.unique(table.user, return_inverse=True)[1], gain)
    return _least_squares(table) if by_user.sum() > np.sqrt(by_user @ by_user) else alone[best]


def _least_squares(table: ValidationTable) -> PartWeights:
    """Fits weights of at least 0 and a constant of any sign by least squares."""
    if not len(table.actual):
        return _EQUAL
    parts, actual, share = table.parts, table.actual, table.share / table.share.sum()
    mean, root = float(share @ actual), np.sqrt(share)
    # A part with nearly the same prediction for all ratings cannot be told apart from the constant.
    says_something = np.sqrt(share @ (parts - share @ parts) ** 2) > _SAME * np.sqrt(share @ (actual - mean) ** 2)
    design = np.column_stack([(parts - mean) * says_something, np.ones(len(parts)), -np.ones(len(parts))])
    (network, factors, up, down), _ = nnls(design * root[:, np.newaxis], (actual - mean) * root)
    return PartWeights(float(network), float(factors), float(mean * (1 - network - factors) + up - down))


def _added_up(parts: FloatArray, weights: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Combines parts float[N, 2] by weights float[N or 1, 3] into predictions float[N]."""
    return (parts * weights[:, :2]).sum(axis=1) + weights[:, 2]


def weigh_parts(model: RRN, scorer: ValidationScorer, *, trained: bool) -> UserWeights:
    """Sets the weights of a model's parts; for `trained` see `ValidationScorer.score`."""
    weights = UserWeights()
    if model.bayesian_factors and scorer.has_ratings:
        weights, _ = scorer.score(trained=trained)
    elif model.bayesian_factors:
        of_all = _EQUAL if trained else PartWeights(0, 1)
        weights = UserWeights(of_all, of_all)
    model.set_part_weights(weights)
    return weights


def parts_alone(
    by_protocol: Mapping[str, StepStates], splits: Sequence[Split]
) -> dict[str, dict[str, dict[str, float]]]:
    """Returns RMSEs of each part and of the whole, ``{split: {protocol: {part: rmse}}}``, without empty splits."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for split in splits:
        for protocol, states in by_protocol.items():
            if not states.sequences.has(split):
                continue
            rows, limits = states.sequences.rating_indices([split]), states.sequences.metadata
            said = {NETWORK: states.network_ratings(rows), WHOLE: states.predict(rows)}
            if states.model.bayesian_factors:
                said[FACTORS] = states.factor_ratings(rows)
            actual = states.sequences.user.rating[rows]
            range_of_ratings = (limits.rating_min, limits.rating_max)
            found.setdefault(split.label, {})[protocol] = {
                part: clipped_rmse(ratings, actual, range_of_ratings, states.total) for part, ratings in said.items()
            }
    return found
