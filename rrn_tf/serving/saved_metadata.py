"""What is written beside a saved RRN: what its model card says, and requests to warm up with."""

from __future__ import annotations

from typing import Any

import numpy as np

from rrn_tf import features
from rrn_tf.features import SIDES, Side
from rrn_tf.models.rrn import RRN, PartWeights
from rrn_tf.serving.model_card import ModelFacts
from rrn_tf.serving.warmup import example
from rrn_tf.states.snapshot import RRNSnapshot


def facts_of(served: RRNSnapshot) -> ModelFacts:
    """What its model card says."""
    metadata = served.metadata
    return ModelFacts(
        model="Recurrent Recommender Network",
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
        settings=served.model.settings,
        metrics=served.metrics,
        parts=_parts(served.model),
        limits=(
            "Users and items unknown to the model are all alike to it: they stand where newbies do.",
            "Ratings say what people who chose to rate thought: a high prediction is no forecast of being chosen.",
            "The farther a time lies beyond the last rating taken in, the less the states say about it.",
            "What the ratings' collection favoured, the recommendations favour too; nothing here corrects it.",
        ),
    )


def _parts(model: RRN) -> tuple[str, ...]:
    """What the model is made of, and what each part counts."""
    ensemble = model.emission.ensemble
    networks = f"{ensemble} networks side by side whose ratings are averaged" if ensemble > 1 else "one network"
    moving = f"Recurrent states of users and items, which later ratings move step by step: {networks}."
    if not model.bayesian_factors:
        return (moving,)
    factors = (
        f"Bayesian factors, {model.bayesian_factors} and a bias of every user and item, beside what whom they have met "
        "says of them; every later rating moves them at once."
    )
    kinds = zip(("without ratings since training", "with some"), model.part_weights, strict=True)
    return (moving, factors, *(_weights(whose, of) for whose, of in kinds))


def _weights(whose: str, of: PartWeights) -> str:
    constant = f"{'plus' if of.constant >= 0 else 'less'} {abs(of.constant):.2f}"
    parts = f"{of.network:.2f} times what the states say and {of.factors:.2f} times what the factors say"
    return f"To users {whose} a rating is {parts}, {constant}."


def typical_requests(served: RRNSnapshot) -> dict[str, dict[str, Any]]:
    """A request of two users for each signature, one of them unknown."""
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
