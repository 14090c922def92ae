# %% [markdown]
# # Recurrent Recommender Networks on ratings whose tastes drift
#
# Wu, Ahmed, Beutel, Smola and Jing, WSDM 2017: users and items have states that move with their ratings, so that a
# model predicts *future* ratings. This notebook trains one on generated ratings, whose best reachable error is known,
# and shows what later ratings are worth to it when nothing is retrained.
#
# Open it in Jupyter with the extension jupytext, or run `python docs/notebooks/recurrent_recommender_networks.py`.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from rrn_tf import RRNRecommender
from rrn_tf.data.synthetic import SyntheticConfig, generate

# %% [markdown]
# ## Ratings
# The biases and factors of users and items drift away within about two months; noise is added to each rating. The last
# quarter of the year is kept for later.

# %%
drifting = SyntheticConfig(users=200, items=60, ratings=6_000, bias_share=0.9, drift=0.8, late_users=0.0, seed=3)
made = generate(drifting)
ratings = pd.DataFrame(
    {
        "user_id": made.user_id,
        "item_id": made.item_id,
        "rating": made.rating,
        "timestamp": pd.to_datetime(made.timestamp, unit="s"),
    }
)
begin = pd.Timestamp("2005-10-01")
past, later = ratings[ratings.timestamp < begin], ratings[ratings.timestamp >= begin]
print(f"{len(past):,} ratings to learn from, {len(later):,} later ones")

# %% [markdown]
# ## Training
# `fit` takes a data frame and does what `rrn train` does; these settings make the default small.

# %%
small = {"training.epochs": 3, "model.units": 8, "model.embedding": 8, "model.ensemble": 1, "model.dynamic": 4}
model = RRNRecommender(overrides=small).fit(past)
print(model.predict(later.head(3)))

# %% [markdown]
# ## Frozen against streaming
# *Frozen* knows the ratings before the cutoff alone. *Streaming* is told each later rating once it has been predicted,
# and only strictly later steps see it. The weights are the same.


# %%
def rmse(predicted: pd.Series | float, rows: pd.DataFrame) -> float:
    """Root mean squared error against the ratings of `rows`."""
    return float(np.sqrt(np.mean((predicted - rows.rating) ** 2)))


figures = {
    "mean rating": rmse(past.rating.mean(), later),
    "frozen": rmse(model.predict(later).prediction, later),
    "streaming": rmse(model.predict(later, protocol="streaming").prediction, later),
    "best reachable": made.best_rmse(later.index.to_numpy()),
}
print(pd.Series(figures).round(3))

# %% [markdown]
# ## Updates without retraining
# Month by month: how well does the model foresee the month without updates, and how well once it has taken in all
# months before? `update` moves states and keeps weights. The item's rating by a new user follows its state: the inner
# product of the two vectors, as of the end of each month.

# %%
untouched = model.predict(later).prediction
followed = later.item_id.value_counts().index[:3]
monthly, course = {}, {}
for month, rows in later.groupby(later.timestamp.dt.to_period("M")):
    now = model.predict(rows).prediction
    monthly[str(month)] = {"without updates": rmse(untouched[rows.index], rows), "updated": rmse(now, rows)}
    taken = model.update(rows)
    end = month.end_time.floor("s")
    items, newbie = model.states(items=followed, at=end), model.states(users=["a stranger"], at=end)
    course[end] = pd.Series(items.to_numpy() @ newbie.to_numpy()[0], followed)
    print(f"{month}: {taken['ratings']} ratings taken in")
print(pd.DataFrame(monthly).T.round(3))

# %% [markdown]
# ## Items through time
# The three items rated most: what is predicted of them after each month, beside the true means of the month.

# %%
predicted = pd.DataFrame(course).T
true_means = later.assign(mean=made.expected[later.index]).groupby([pd.Grouper(key="timestamp", freq="M"), "item_id"])
true_means = true_means["mean"].mean().unstack()
figure, axes = plt.subplots()
for number, item in enumerate(followed):
    axes.plot(predicted.index, predicted[item], f"C{number}-", label=f"{item}, predicted")
    axes.plot(true_means.index, true_means[item], f"C{number}:", label=f"{item}, true mean")
axes.set_ylabel("rating")
axes.legend()
figure.autofmt_xdate()
plt.show()
