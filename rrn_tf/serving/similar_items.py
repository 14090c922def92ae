"""Finds the items whose vectors point in the most similar directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rrn_tf.models.collaborative_mixture import CollaborativeMixture

if TYPE_CHECKING:
    from rrn_tf.models.rrn import RRN
    from rrn_tf.states.event_states import EventNetwork

_CELLS = 1 << 24  # similarities that are in memory at once


def most_similar(
    vectors: npt.NDArray[np.floating], row: npt.NDArray[np.integer], k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Returns the rows with the largest cosines to some rows, without these rows themselves.

    Args:
      vectors: float[I, d]; the cosine to a vector of zeros is 0.
      row: int[N], the rows to compare with all others.
      k: number of similar rows.

    Returns:
      int64[N, min(k, I - 1)] and float32 of the same shape, best first; equal ones are in order of rows.

    Example:
      >>> place, cosine = most_similar(np.array([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([0]), 2)
      >>> place.tolist(), cosine.astype(float).round(3).tolist()
      ([[2, 1]], [[0.707, 0.0]])
    """
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = (vectors / np.where(length > 0, length, 1)).astype(np.float32)
    width = min(k, len(vectors) - 1)
    place, cosine = np.empty((len(row), width), np.int64), np.empty((len(row), width), np.float32)
    rows = max(_CELLS // max(len(vectors), 1), 1)
    for begin in range(0, len(row) if width else 0, rows):
        part = slice(begin, begin + rows)
        own = row[part]
        found = unit[own] @ unit.T
        found[np.arange(len(own)), own] = -np.inf
        # A partition finds the best in linear time; those that are as good as the last of them stand in any order.
        best = np.sort(np.argpartition(-found, width - 1, axis=1)[:, :width], axis=1)
        values = np.take_along_axis(found, best, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        place[part], cosine[part] = np.take_along_axis(best, order, 1), np.take_along_axis(values, order, 1)
    return place, np.clip(cosine, -1, 1)


def compared_vectors(model: RRN, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Returns what of items' vectors is compared: all but the biases, network and factors weighed as in a rating.

    Args:
      model: the network.
      vectors: float32[..., d], items' vectors at a time, whose inner products with users' are ratings.

    Returns:
      float32[..., d'].
    """
    if not (factors := model.bayesian_factors):
        return vectors
    # The last two columns of an item are a one and its bias (see `rrn_tf.states.rating_parts.part_at_rest`).
    network, bayesian = vectors[..., : -factors - 2], vectors[..., -factors - 2 : -2]
    weights, _ = model.part_weights
    return np.concatenate([weights.network * network, weights.factors * bayesian], axis=-1)


def item_weights(model: EventNetwork) -> npt.NDArray[np.float32]:
    """Returns what is compared of the items of a model of events, their weights in the softmax: float32[I + 1, d].

    Args:
      model: the network; items have indices from 1.
    """
    if isinstance(model, CollaborativeMixture):
        return np.concatenate([model.items.numpy(), model.factors_of_items.numpy()], axis=1)
    kernel: npt.NDArray[np.float32] = model.softmax.kernel.numpy()
    return np.pad(kernel.T, [(1, 0), (0, 0)])
