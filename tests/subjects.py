"""Subjects of reports, in memory: generated ratings, and models whose errors are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from rrn_tf.data.interactions import Interactions
from rrn_tf.data.metadata import EntityCounts, SequenceMetadata
from rrn_tf.data.rows import SideRatings
from rrn_tf.data.sequences import RatingSequences, sequences_in_memory
from rrn_tf.evaluation.experiments.subjects import Predicted, RatingSubject
from rrn_tf.evaluation.leaderboard import RatingPredictions
from rrn_tf.features import Split
from rrn_tf.models.rrn import RRN

DAY = 86_400
CUTOFF = 1_000 * DAY
LATER = [split for split in Split if split is not Split.TRAIN]
# Standard deviation of the errors of each model, by protocol.
ERRORS: dict[str, dict[str, float]] = {
    "frozen": {"RRN": 0.7, "PMF raw": 1.0, "global mean": 1.2},
    "streaming": {"RRN": 0.6, "online bias": 0.8},
}


def sequences_of(
    user: npt.ArrayLike,
    item: npt.ArrayLike,
    rating: npt.ArrayLike,
    day: npt.ArrayLike,
    split: npt.ArrayLike,
    rejected: Mapping[str, int] | None = None,
) -> RatingSequences:
    """Prepares ratings; days count from the cutoff. Users and items with training ratings have the first indices."""
    ratings = SideRatings(
        np.asarray(user, np.int32),
        np.asarray(item, np.int32),
        np.asarray(rating, np.float32),
        (CUTOFF + np.asarray(day, np.float64) * DAY).astype(np.int64),
        np.asarray(split, np.uint8),
    )
    train = ratings.take(np.flatnonzero(ratings.split == Split.TRAIN))
    totals = [int(of.max()) for of in (ratings.entity, ratings.opposite)]
    counts = np.bincount(ratings.split, minlength=len(Split))
    metadata = SequenceMetadata(
        cutoff=CUTOFF,
        user_granularity=DAY,
        item_granularity=7 * DAY,
        wallclock_mean=float(train.timestamp.mean()),
        wallclock_std=float(train.timestamp.std()) or 1.0,
        rating_mean=float(train.rating.mean()),
        rating_min=float(train.rating.min()),
        rating_max=float(train.rating.max()),
        users=EntityCounts(int(train.entity.max()), totals[0]),
        items=EntityCounts(int(train.opposite.max()), totals[1]),
        ratings={split.label: int(counts[split]) for split in Split},
        rejected=dict(rejected or {}),
    )
    ids = [np.array([f"{kind}{at}" for at in range(1, total + 1)], object) for kind, total in zip("ui", totals)]
    return sequences_in_memory(ratings, ids[0], ids[1], metadata)[0]


def generated_sequences(
    users: int = 30, items: int = 12, ratings: int = 900, new: int = 3, seed: int = 0, **changes: Any
) -> RatingSequences:
    """Ratings of 300 days, the last 60 of them held out; `new` users and as many items come after training."""
    rng = np.random.default_rng(seed)
    day = np.sort(rng.uniform(-240, 60, ratings))
    late = day >= 0
    user, item = (
        np.where(late, rng.integers(1, of + new + 1, ratings), rng.integers(1, of + 1, ratings))
        for of in (users, items)
    )
    # Nobody is new by chance.
    user[:users], item[:items] = np.arange(users) + 1, np.arange(items) + 1
    bias = rng.standard_normal(users + new + 1) * 0.5
    rating = np.clip(np.round(2 * (3.5 + bias[user] + 0.8 * rng.standard_normal(ratings))) / 2, 0.5, 5)
    cold = (user > users) | (item > items)
    split = np.where(late, 1 + np.arange(ratings) % 2 + 2 * cold, 0)
    return sequences_of(user, item, rating, day, split, **changes)


def rating_subject(
    sequences: RatingSequences | None = None,
    errors: Mapping[str, Mapping[str, float]] | None = None,
    *,
    network: RRN | None = None,
    seed: int = 1,
    **fields: Any,
) -> RatingSubject:
    """A subject whose models err by normal noise of the standard deviations of `errors`, by protocol and model.

    Args:
      sequences: the ratings; generated ones by default.
      errors: those of `ERRORS` by default.
      network: the network, for experiments that need one.
      seed: of the errors.
      fields: other fields of the subject.
    """
    sequences = generated_sequences() if sequences is None else sequences
    errors = ERRORS if errors is None else errors
    of = Split.TEST if sequences.has(Split.TEST) else Split.VALID

    def compare() -> dict[str, Predicted]:
        found = {}
        for protocol, models in errors.items():
            splits, unseen = ([of], False) if protocol == "frozen" else (LATER, True)
            rows = sequences.rating_indices(splits)
            ratings = sequences.interactions(splits, unseen=unseen)
            found[protocol] = Predicted(ratings, sequences.user.split[rows], fake_predictions(ratings, models, seed))
        return found

    fields = {"config": {}, "metrics": {}, "predict": lambda **_: np.zeros(0, np.float32), "compare": compare, **fields}
    return RatingSubject(sequences, cast(RRN, network), **fields)


def fake_predictions(ratings: Interactions, models: Mapping[str, float], seed: int = 1) -> dict[str, RatingPredictions]:
    """Predictions with independent normal errors of the standard deviation of each model."""
    rng = np.random.default_rng(seed)
    return {
        name: RatingPredictions(
            (ratings.rating + size * rng.standard_normal(len(ratings))).astype(np.float32), 1.0, 10**at
        )
        for at, (name, size) in enumerate(models.items(), start=1)
    }
