"""Finds the items with the largest inner products with a user's vector, by one library each.

A ranker is made of users' and items' vectors, float32[N, K], and returns a function: a user's position to the positions
of the best items. This module needs NumPy and the asked library alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Ask = Callable[[int], npt.NDArray[np.integer]]


def numpy_exact(users: Vectors, items: Vectors, k: int) -> Ask:
    """A matrix product and a partial sort, with which the others' answers are compared."""

    def ask(user: int) -> npt.NDArray[np.integer]:
        scores = items @ users[user]
        best = np.argpartition(-scores, k - 1)[:k]
        return best[np.argsort(-scores[best])]

    return ask


def faiss_exact(users: Vectors, items: Vectors, k: int) -> Ask:
    """FAISS's flat index, which compares with every item."""
    import faiss

    index = faiss.IndexFlatIP(items.shape[1])
    index.add(items)
    return lambda user: index.search(users[user : user + 1], k)[1][0]


def implicit(users: Vectors, items: Vectors, k: int) -> Ask:
    """`recommend` of an implicit model that was given the vectors."""
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(factors=users.shape[1])
    model.user_factors, model.item_factors = users, items
    return lambda user: model.recommend(user, None, k, filter_already_liked_items=False)[0]


def tfrs_brute_force(users: Vectors, items: Vectors, k: int) -> Ask:
    """`BruteForce` of TensorFlow Recommenders in a graph."""
    import tensorflow as tf
    import tensorflow_recommenders as tfrs

    index = tfrs.layers.factorized_top_k.BruteForce(k=k)
    index.index(tf.constant(items))
    search = tf.function(lambda query: index(query)[1], input_signature=[tf.TensorSpec([1, users.shape[1]])])
    return lambda user: search(tf.constant(users[user : user + 1])).numpy()[0]


RANKERS: dict[str, Callable[[Vectors, Vectors, int], Ask]] = {
    "numpy": numpy_exact,
    "faiss-exact": faiss_exact,
    "implicit": implicit,
    "tfrs-brute-force": tfrs_brute_force,
}
