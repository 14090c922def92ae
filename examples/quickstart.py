"""Fit, predict, recommend, update and evaluate from Python: `python examples/quickstart.py`, about a minute.

Ratings here are generated; yours are a data frame, or a path, with the columns user_id, item_id, rating and timestamp.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from rrn_tf import RRNRecommender, load


def generated_ratings(users: int = 40, items: int = 30, ratings: int = 600) -> pd.DataFrame:
    """Some items are better than others, and some users kinder."""
    draw = np.random.default_rng(7)
    user, item = draw.integers(users, size=ratings), draw.integers(items, size=ratings)
    day = np.sort(draw.integers(90, size=ratings))
    kind, good = draw.normal(scale=0.7, size=users), draw.normal(scale=0.7, size=items)
    rating = np.clip(3 + kind[user] + good[item] + draw.normal(scale=0.3, size=ratings), 1, 5).round(1)
    moment = pd.Timestamp("2025-01-01") + pd.to_timedelta(day, unit="D")
    return pd.DataFrame({"user_id": user, "item_id": item, "rating": rating, "timestamp": moment})


def main() -> None:
    """The life of a model."""
    ratings = generated_ratings()
    early, late = ratings[:500], ratings[500:]

    # The defaults are those of `rrn train`; these make it small.
    small = {"training.epochs": 2, "model.units": 8, "model.embedding": 8, "model.ensemble": 1}
    model = RRNRecommender(overrides=small).fit(early)
    print("RMSE of training's own test ratings:", round(model.metrics["test"]["frozen"]["rmse"], 2))

    print(model.predict(late).head(3))
    print(model.recommend([3, "a stranger"], at="2025-04-01", k=3, exclude=[5]))

    print("later ratings:", model.evaluate(late).metrics["test"]["frozen"])
    print("each revealed once predicted:", model.evaluate(late, protocol="streaming").metrics["test"]["streaming"])
    print("taken in:", model.update(late)["ratings"], "ratings, nothing retrained")

    users, items = model.states(users=[3], at="2025-05-01"), model.states(items=[6, 7], at="2025-05-01")
    print("inner products of states are ratings:", (items.to_numpy() @ users.to_numpy().T).round(2).tolist())

    model.save("quickstart_model")
    print(load("quickstart_model").recommend(3, k=1))


if __name__ == "__main__":
    main()
