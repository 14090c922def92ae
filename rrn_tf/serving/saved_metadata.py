"""The facts of a saved RRN's model card, and its warm-up requests."""

from __future__ import annotations

from typing import Any

import numpy as np

from rrn_tf import features
from rrn_tf.features import SIDES, Side
from rrn_tf.models.rrn import RRN, PartWeights
from rrn_tf.serving.model_card import OF_RATINGS, ModelFacts
from rrn_tf.serving.warmup import example
from rrn_tf.states.snapshot import RRNSnapshot


def facts_of(served: RRNSnapshot) -> ModelFacts:
    """Collects the facts of the model card."""
    metadata = served.metadata
    return ModelFacts(
        model=OF_RATINGS,
        purpose="Predicts which rating a user gives to an item at a time, and recommends the items rated best.",
        data={
            "users": len(served.ids[Side.USER]),
            "items": len(served.ids[Side.ITEM]),
            **{f"{split} ratings": count for split, count in metadata.ratings.items()},
            "ratings taken in since training": len(served.later.user),
            "rejected rows": sum(metadata.rejected.values()),
            "scale of ratings": f"{metadata.rating_min:g} to {metadata.rating_max:g}",
        },
        period={"first rating": served.since, "training cutoff": metadata.cutoff, "states as of": served.until},
        settings=dict(served.model.settings),
        metrics=served.metrics,
        parts=_parts(served.model),
        limits=(
            "Users and items unknown to the model all have the same newbie state.",
            "Ratings are from people who chose to rate: a high prediction does not mean that an item will be chosen.",
            "The longer the time since the last rating, the less reliable are the extrapolated states.",
            "Any bias in how the ratings were collected is also in the recommendations; nothing corrects it.",
        ),
    )


def _parts(model: RRN) -> tuple[str, ...]:
    """Describes the parts of the model and their weights."""
    ensemble = model.emission.ensemble
    networks = f"an ensemble of {ensemble} networks with averaged ratings" if ensemble > 1 else "one network"
    moving = f"Recurrent states of users and items, which later ratings update step by step: {networks}."
    if not model.bayesian_factors:
        return (moving,)
    factors = (
        f"{model.bayesian_factors} Bayesian factors and a bias of every user and item, plus set vectors of the items a "
        "user has rated and of an item's users; every later rating updates them at once."
    )
    kinds = zip(("without ratings since training", "with ratings since training"), model.part_weights, strict=True)
    return (moving, factors, *(_weights(whose, of) for whose, of in kinds))


def _weights(whose: str, of: PartWeights) -> str:
    constant = f"{'plus' if of.constant >= 0 else 'less'} {abs(of.constant):.2f}"
    parts = f"{of.network:.2f} times that of the states plus {of.factors:.2f} times that of the factors"
    return f"For users {whose} a prediction is {parts}, {constant}."


def typical_requests(served: RRNSnapshot) -> dict[str, dict[str, Any]]:
    """Builds a request with a known and an unknown user for each signature."""
    users, items = ([str(name) for name in (*served.ids[side][:1], "")] for side in SIDES)
    times, k = np.full(2, served.until), np.int32(10)
    pairs: dict[str, Any] = {features.USER_ID: users, features.ITEM_ID: items, features.TIMESTAMP: times}
    whose = {features.USER_ID: users, features.TIMESTAMP: times, "k": k}
    given = {
        features.HISTORY_ITEM_ID: [items, items],
        features.HISTORY_RATING: np.full((2, 2), served.metadata.rating_max, np.float32),
        features.HISTORY_TIMESTAMP: np.full((2, 2), served.metadata.cutoff),
    }
    rows = zip(users, items, times.tolist(), strict=True)
    return {
        "serving_default": {"examples": [example(**dict(zip(pairs, ([x] for x in row), strict=True))) for row in rows]},
        "predict": pairs,
        "predict_from_history": {**pairs, **given},
        "recommend": whose,
        "recommend_except": {**whose, features.EXCLUDE: [items, items]},
        "recommend_from": {**whose, features.CANDIDATES: [items, items]},
    }
