# %% [markdown]
# # Next items by the Collaborative RNN
#
# Ko, Maystre and Grossglauser, ACML 2016: a recurrent network reads what a user did and says how probable every item
# is next; its recurrent matrices are the user's own. This notebook trains the paper's network and the default of this
# package, a mixture, on generated events whose best reachable loss is known, and compares both with models that count.
#
# Open it in Jupyter with the extension jupytext, or run `python docs/notebooks/collaborative_rnn.py`.

# %%
import tempfile
from pathlib import Path

import pandas as pd

from rrn_tf import CollaborativeRecommender
from rrn_tf.data.load_events import load_events
from rrn_tf.data.synthetic_events import SyntheticEventsConfig, generate_events
from rrn_tf.runs.comparison import compare_events
from rrn_tf.runs.directory import RunPaths

# %% [markdown]
# ## Events
# Each user walks between a few clusters of items, by transitions of the user's own. Everybody's last five events
# are kept for later.

# %%
made = generate_events(SyntheticEventsConfig(users=60, items=150, events=6_000, clusters=12, user_clusters=4, seed=1))
events = pd.DataFrame(
    {"user_id": made.user_id, "item_id": made.item_id, "timestamp": pd.to_datetime(made.timestamp, unit="s")}
)
newest = events.groupby("user_id").cumcount(ascending=False) < 5
past, later = events[~newest], events[newest]
print(f"{len(past):,} events of {past.user_id.nunique()} users, {len(later)} later ones")

# %% [markdown]
# ## Training
# `fit` holds out the last events of each user for validation and test. Without a configuration it trains the mixture.

# %%
folder = Path(tempfile.mkdtemp(prefix="notebook-"))
holdout = {"data.holdout": 0.1, "training.epochs": 15}
paper = {**holdout, "data.validation": True, "data.min_user_entropy": 0, "model.units": 16}
network = CollaborativeRecommender("paper-brightkite", paper).fit(past, output=folder / "network")
small = {**holdout, "model.units": 32, "model.window": 64, "training.dropout": 0.3}
mixture = CollaborativeRecommender(overrides=small).fit(past, output=folder / "mixture")

# %% [markdown]
# ## Next items

# %%
print(mixture.recommend(["u0", "u1", "a stranger"], k=3))
print(mixture.recommend(["u0"], k=3, new_only=True))  # only items that the user has not met

# %% [markdown]
# ## Beside the baselines
# Figures are means over users of the test events: the loss in nats, and hit@10, NDCG@10 and the mean reciprocal rank
# over all items. *mixture* and *C-GRU* are the two above. The last line is what the generator itself would lose.

# %%
runs = [RunPaths(folder / name) for name in ("network", "mixture")]
board = compare_events(load_events(runs[0].sequences), "clean", runs, None, seed=0, echo=lambda line: None)
table = pd.DataFrame([vars(row) for row in board.rows]).set_index("model")[["nll", "hit", "ndcg", "mrr", "seconds"]]
table.loc["best reachable"] = {"nll": made.nll[~newest].mean()}
print(table.round(3))

# %% [markdown]
# ## Later events
# `evaluate` scores events that came after training; `update` takes them in, and the next answers know them. Nothing is
# retrained.

# %%
print(pd.Series(mixture.evaluate(later).metrics["test"]["clean"])[["nll", "hit@10", "ndcg@10", "n"]])
print("taken in:", mixture.update(later)["events"], "events")
print(mixture.recommend(["u0"], k=3))
