"""Trains models of other libraries on a split of ratings, and predicts its later parts.

A split is tables `train`, `valid` and `test`, float64[N, 4]: positions of user and item, rating, unix seconds. This
module needs NumPy and the asked library alone, so that a Python without TensorFlow can run it, in
`benchmarks.peer_process`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

TRAIN, VALID, TEST = "train", "valid", "test"
USER, ITEM, RATING, TIME = range(4)

Table = npt.NDArray[Any]
Split = dict[str, Table]


def bayesian_fm(split: Split, seed: int) -> list[Table]:
    """Factorization machine of users and items by Gibbs sampling: rank 8, 150 samples of which the last 100 count."""
    import myfm
    from scipy import sparse

    sizes = _sizes(split)
    blocks = [sparse.identity(size, format="csr") for size in sizes]

    def relations(rows: Table) -> list[Any]:
        columns = zip((USER, ITEM), blocks, strict=True)
        return [myfm.RelationBlock(rows[:, column].astype(int), block) for column, block in columns]

    train = split[TRAIN]
    model = myfm.MyFMRegressor(rank=8, random_seed=seed)
    none = sparse.csr_matrix((len(train), 0))
    model.fit(none, train[:, RATING], relations(train), n_iter=150, n_kept_samples=100, group_shapes=list(sizes))
    return [model.predict(None, relations(split[part])) for part in (VALID, TEST)]


def lightgbm(split: Split, seed: int) -> list[Table]:
    """Boosted trees on a user's and an item's shrunk mean, number of ratings and time since the first one.

    Means and numbers of a training row leave the row itself out. Rounds are chosen on validation.
    """
    import lightgbm as library

    train = split[TRAIN]
    columns: dict[str, list[Table]] = {part: [] for part in split}
    mean = train[:, RATING].mean()
    for column, size in zip((USER, ITEM), _sizes(split), strict=True):
        entity = train[:, column].astype(int)
        count, total = np.bincount(entity, minlength=size), np.bincount(entity, train[:, RATING] - mean, size)
        first = np.full(size, np.inf)
        np.minimum.at(first, entity, train[:, TIME])
        for part, rows in split.items():
            at, own = rows[:, column].astype(int), float(part == TRAIN)
            left = count[at] - own
            shrunk = (total[at] - own * (rows[:, RATING] - mean)) / (left + 5)
            columns[part] += [shrunk, left, rows[:, TIME] - first[at]]
    features = {part: np.stack(columns[part], axis=1) for part in split}
    data = library.Dataset(features[TRAIN], train[:, RATING])
    held_out = library.Dataset(features[VALID], split[VALID][:, RATING], reference=data)
    settings = {"objective": "l2", "learning_rate": 0.05, "num_leaves": 31, "verbosity": -1, "seed": seed}
    stop = library.early_stopping(30, verbose=False)
    model = library.train(settings, data, 500, valid_sets=[held_out], callbacks=[stop])
    return [model.predict(features[part]) for part in (VALID, TEST)]


def implicit_als(split: Split, seed: int) -> list[Table]:
    """Alternating least squares on which items were rated, 64 factors; scores are fitted to validation by a line.

    It ranks items and foretells no rating: the line makes its score comparable, and nothing more.
    """
    from implicit.als import AlternatingLeastSquares
    from scipy import sparse

    train = split[TRAIN]
    entities = train[:, USER].astype(int), train[:, ITEM].astype(int)
    rated = sparse.csr_matrix((np.ones(len(train), np.float32), entities), shape=_sizes(split))
    model = AlternatingLeastSquares(factors=64, random_state=seed)
    model.fit(rated, show_progress=False)
    score = {
        part: np.einsum(
            "nk,nk->n",
            model.user_factors[split[part][:, USER].astype(int)],
            model.item_factors[split[part][:, ITEM].astype(int)],
        )
        for part in (VALID, TEST)
    }
    slope, level = np.polyfit(score[VALID], split[VALID][:, RATING], 1)
    return [slope * score[part] + level for part in (VALID, TEST)]


def surprise_svdpp(split: Split, seed: int) -> list[Table]:
    """SVD++ of 20 factors, 20 epochs."""
    import pandas as pd
    from surprise import Dataset, Reader, SVDpp

    train = split[TRAIN]
    reader = Reader(rating_scale=(train[:, RATING].min(), train[:, RATING].max()))
    rows = pd.DataFrame({"user": train[:, USER].astype(int), "item": train[:, ITEM].astype(int)})
    data = Dataset.load_from_df(rows.assign(rating=train[:, RATING]), reader).build_full_trainset()
    model = SVDpp(n_factors=20, n_epochs=20, cache_ratings=True, random_state=seed).fit(data)
    found = []
    for part in (VALID, TEST):
        pairs = split[part][:, [USER, ITEM]].astype(int).tolist()
        found.append(np.array([model.predict(user, item).est for user, item in pairs]))
    return found


def tfrs_two_tower(split: Split, seed: int) -> list[Table]:
    """Two towers of 32 numbers and a bias each, trained by squared error: at most 20 epochs, patience 2."""
    import tensorflow as tf
    import tensorflow_recommenders as tfrs
    import tf_keras as keras

    keras.utils.set_random_seed(seed)
    mean = float(split[TRAIN][:, RATING].mean())

    class TwoTowers(tfrs.Model):
        def __init__(self) -> None:
            super().__init__()
            widths = [(size, width) for size in _sizes(split) for width in (32, 1)]
            self.towers = [keras.layers.Embedding(size, width) for size, width in widths]
            self.task = tfrs.tasks.Ranking(loss=keras.losses.MeanSquaredError())

        def call(self, pairs: tf.Tensor) -> tf.Tensor:
            user, item = pairs[:, 0], pairs[:, 1]
            of_user, user_bias, of_item, item_bias = self.towers
            product = tf.reduce_sum(of_user(user) * of_item(item), axis=1)
            return mean + product + tf.squeeze(user_bias(user) + item_bias(item), 1)

        def compute_loss(self, inputs: Any, training: bool = False) -> tf.Tensor:
            pairs, rating = inputs
            return self.task(labels=rating, predictions=self(pairs))

    def rows(part: str) -> tf.data.Dataset:
        pairs, rating = split[part][:, [USER, ITEM]].astype(np.int32), split[part][:, RATING].astype(np.float32)
        found = tf.data.Dataset.from_tensor_slices((pairs, rating))
        return (found.shuffle(len(pairs), seed=seed) if part == TRAIN else found).batch(4096)

    model = TwoTowers()
    model.compile(optimizer=keras.optimizers.Adagrad(0.1))
    stop = keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)
    model.fit(rows(TRAIN), validation_data=rows(VALID), epochs=20, callbacks=[stop], verbose=0)
    return [np.concatenate([model(pairs).numpy() for pairs, _ in rows(part)]) for part in (VALID, TEST)]


def _sizes(split: Split) -> tuple[int, int]:
    """Numbers of users and items; the split's entities all have training ratings."""
    users, items = (int(split[TRAIN][:, column].max()) + 1 for column in (USER, ITEM))
    return users, items


MODELS: dict[str, Callable[[Split, int], list[Table]]] = {
    "bayesian-fm": bayesian_fm,
    "lightgbm": lightgbm,
    "implicit-als": implicit_als,
    "surprise-svdpp": surprise_svdpp,
    "tfrs-two-tower": tfrs_two_tower,
}
