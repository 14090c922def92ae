"""How the stationary factors start (Section 4.1: first the stationary states, then the full model)."""

from __future__ import annotations

from rrn_tf.baselines.pmf import fit_pmf
from rrn_tf.config import TrainingConfig
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.features import Side, Split
from rrn_tf.models.rrn import RRN

_PMF_ITERATIONS = 10


def pretrain_factors(model: RRN, sequences: RatingSequences, config: TrainingConfig) -> None:
    """Sets the model's stationary factors from the training ratings.

    ``pmf`` fits probabilistic matrix factorization to the ratings themselves, as the paper does for
    Netflix; ``none`` leaves the random initial values.
    """
    if config.pretraining == "none" or not model.factors(Side.USER).factors:
        return
    train = sequences.interactions([Split.TRAIN])
    user_factors, item_factors = fit_pmf(
        train.user,
        train.item,
        train.rating,
        train.num_users,
        train.num_items,
        factors=model.factors(Side.USER).factors,
        l2=config.pretraining_l2,
        iterations=_PMF_ITERATIONS,
        seed=config.seed,
    )
    model.factors(Side.USER).table.assign(user_factors)
    model.factors(Side.ITEM).table.assign(item_factors)
