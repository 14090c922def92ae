"""Distributions over the items of each user's nearest neighbours, as a sparse matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

_NEIGHBOURS = 100
_SIMILARITIES = 1 << 24  # similarities of users to other users in memory at a time


def nearest_users(counts: Any) -> Any:
    """Averages the item distributions of each user's nearest neighbours, the user excluded.

    The similarity of two users is the cosine of their logarithmic counts, with items weighted by how few users have met
    them; each of the nearest hundred users is weighted by the square of its similarity.

    Args:
      counts: sparse [U, M], counts of items by user.

    Returns:
      Sparse float32 [U, M]; each row adds up to 1, or is empty where no other user is similar.

    Reference:
      Hu et al., Modeling Personalized Item Frequency Information for Next-basket Recommendation (TIFU-KNN), SIGIR 2020.
    """
    users = counts.shape[0]
    rarity = np.log((users + 1) / (1 + counts.getnnz(axis=0))).astype(np.float32)
    mine, distributions = _unit_rows(counts, rarity), _normalised(counts)
    theirs = mine.T.tocsr()
    size, rows = max(_SIMILARITIES // max(users, 1), 1), []
    for begin in range(0, users, size):
        similarity = (mine[begin : begin + size] @ theirs).toarray()
        own = np.arange(len(similarity))
        similarity[own, begin + own] = 0
        nearest = _largest(similarity, _NEIGHBOURS)
        weight = np.take_along_axis(similarity, nearest, axis=1) ** 2
        splits = np.arange(0, nearest.size + 1, nearest.shape[1])
        mean = sparse.csr_matrix((weight.ravel(), nearest.ravel(), splits), (len(own), users)) @ distributions
        rows.append(_normalised(mean))
    return sparse.vstack(rows, format="csr") if rows else sparse.csr_matrix(counts.shape, dtype=np.float32)


def _largest(values: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """Returns int64[B, at most count], the columns of the largest values of each row."""
    count = min(count, values.shape[1])
    return np.argpartition(-values, count - 1, axis=1)[:, :count]


def _unit_rows(counts: Any, weight: npt.NDArray[np.float32]) -> Any:
    rows = counts.astype(np.float32).tocsr(copy=True)
    rows.data = np.log1p(rows.data) * weight[rows.indices]
    norm = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return sparse.diags((1 / np.where(norm > 0, norm, 1)).astype(np.float32)) @ rows


def _normalised(rows: Any) -> Any:
    total = np.asarray(rows.sum(axis=1)).ravel()
    return (sparse.diags((1 / np.where(total > 0, total, 1)).astype(np.float32)) @ rows).tocsr()
