"""How the stationary factors start (Section 4.1: first the stationary states, then the full model)."""

from __future__ import annotations

import numpy as np

from rrn_tf.baselines.bias import UserItemBias
from rrn_tf.baselines.pmf import fit_pmf
from rrn_tf.config import TrainingConfig
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.models.rrn import RRN

_PMF_ITERATIONS = 10


def start_at_mean(model: RRN, rating_mean: float) -> None:
    """Sets the affine maps of Eq. 7 so that an untrained network predicts the mean training rating.

    ``<b_user, b_item>`` then is the mean: the states, the stationary factors and an unknown
    entity's zero factors need only carry deviations from it.
    """
    for side in SIDES:
        bias = np.zeros(model.emission.units, np.float32)
        bias[0] = np.sqrt(abs(rating_mean))
        if side is Side.ITEM:
            bias[0] *= np.sign(rating_mean)
        model.projection(side).bias.assign(bias)


def pretrain_factors(model: RRN, sequences: RatingSequences, config: TrainingConfig) -> None:
    """Sets the model's stationary factors from the training ratings less their mean.

    * ``bias``: regularised user and item biases in the first two factors, the rest small;
    * ``pmf``: probabilistic matrix factorization, the paper's choice for Netflix. On sparse data it
      leaves the states little to learn from the ratings it was itself fitted to;
    * ``none``: small random values.

    Raises:
      ValueError: where ``bias`` has fewer than two factors to write into.
    """
    factors = model.factors(Side.USER).factors
    if config.pretraining == "none" or not factors:
        return
    train = sequences.interactions([Split.TRAIN])
    if config.pretraining == "bias":
        if factors < 2:
            raise ValueError(f"pretraining 'bias' should have at least 2 stationary factors, received {factors}")
        fitted = UserItemBias().fit(train, sequences.interactions([Split.VALID]))
        for side, bias, own, opposite in ((Side.USER, fitted.user_bias, 0, 1), (Side.ITEM, fitted.item_bias, 1, 0)):
            table = model.factors(side).table.numpy()
            table[:, own], table[:, opposite] = bias, 1
            model.factors(side).table.assign(table)
        return
    vectors = fit_pmf(
        train.user,
        train.item,
        train.rating - np.float32(sequences.metadata.rating_mean),
        train.num_users,
        train.num_items,
        factors=factors,
        l2=config.pretraining_l2,
        iterations=_PMF_ITERATIONS,
        seed=config.seed,
    )
    for side, vector in zip(SIDES, vectors, strict=True):
        model.factors(side).table.assign(vector)
