"""Initial values of the stationary factors (Section 4.1: first the stationary states, then the full model)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from rrn_tf.baselines.ratings.autorec import AutoRec
from rrn_tf.baselines.ratings.bias import UserItemBias
from rrn_tf.baselines.ratings.pmf import fit_pmf
from rrn_tf.config import TrainingConfig
from rrn_tf.data.interactions import Interactions
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.models.rrn import RRN

# The vectors of users, float32[num_users + 1, k], and of items, float32[num_items + 1, k].
Vectors = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]

_PMF_ITERATIONS = 10


def start_at_mean(model: RRN, rating_mean: float) -> None:
    """Sets the affine maps of Eq. 7 so that an untrained network predicts the mean training rating.

    Then ``<b_user, b_item>`` is the mean, and states and stationary factors represent deviations from it; an
    unknown entity has zero factors.
    """
    for side in SIDES:
        bias = np.zeros([model.emission.ensemble, model.emission.units // model.emission.ensemble], np.float32)
        bias[:, 0] = np.sqrt(abs(rating_mean))
        if side is Side.ITEM:
            bias[:, 0] *= np.sign(rating_mean)
        model.projection(side).bias.assign(bias.ravel())


def pretrain_factors(model: RRN, data: Callable[[], RatingSequences], config: TrainingConfig) -> None:
    """Initialises the model's stationary factors from the training ratings less their mean.

    * ``bias``: regularised user and item biases in the first two factors, the rest small;
    * ``pmf``: probabilistic matrix factorization, the paper's choice for Netflix. On sparse data it
      overfits the training ratings and leaves the states little to learn from them;
    * ``u-autorec``: an autoencoder of each user's ratings, the paper's choice for IMDb; its number of epochs is
      selected on the validation ratings, if there are any;
    * ``none``: small random values.

    Args:
      model: the model.
      data: returns sequences with the ratings of all users, which are given back before the fit; called if needed.
      config: the method, its regulariser and the seed.

    Raises:
      ValueError: if the model has fewer than two factors, which ``bias`` and ``u-autorec`` require.
    """
    factors = model.factors(Side.USER).factors
    if config.pretraining == "none" or not factors:
        return
    fewest, start = _STARTS[config.pretraining]
    if factors < fewest:
        raise ValueError(
            f"pretraining {config.pretraining!r} should have at least {fewest} stationary factors, received {factors}"
        )
    train, valid = _train_and_valid(data())
    for side, vectors in zip(SIDES, start(train, valid, factors, config), strict=True):
        table = model.factors(side).table.numpy()
        table[:, : vectors.shape[1]] = vectors
        model.factors(side).table.assign(table)


def _train_and_valid(sequences: RatingSequences) -> tuple[Interactions, Interactions]:
    return sequences.interactions([Split.TRAIN]), sequences.interactions([Split.VALID])


def _biases(train: Interactions, valid: Interactions, factors: int, config: TrainingConfig) -> Vectors:
    fitted = UserItemBias().fit(train, valid)
    user, item = fitted.user_bias, fitted.item_bias
    return np.stack([user, np.ones_like(user)], axis=1), np.stack([np.ones_like(item), item], axis=1)


def _pmf(train: Interactions, valid: Interactions, factors: int, config: TrainingConfig) -> Vectors:
    return fit_pmf(
        train.user,
        train.item,
        train.rating - train.rating.mean(dtype=np.float64).astype(np.float32),
        train.num_users,
        train.num_items,
        factors=factors,
        l2=config.pretraining_l2,
        iterations=_PMF_ITERATIONS,
        seed=config.seed,
    )


def _u_autorec(train: Interactions, valid: Interactions, factors: int, config: TrainingConfig) -> Vectors:
    # One factor holds the output's bias: u_i = [g(V r_i + mu), 1], m_j = [W_j, b_j].
    autorec = AutoRec(Side.USER, hidden=factors - 1, l2=config.pretraining_l2, seed=config.seed)
    return autorec.fit(train, valid).factors()


# For each method, the fewest factors that it requires, and the function that computes the factors.
_STARTS: dict[str, tuple[int, Callable[[Interactions, Interactions, int, TrainingConfig], Vectors]]] = {
    "bias": (2, _biases),
    "pmf": (1, _pmf),
    "u-autorec": (2, _u_autorec),
}
