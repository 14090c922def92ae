"""How far an item's (or a user's) mean rating moves between spans of time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def fluctuation(
    entity: npt.NDArray[np.integer], span: npt.NDArray[np.integer], rating: npt.NDArray[np.floating], least: int
) -> npt.NDArray[np.float64]:
    """Computes the mean rating of each entity's best span less that of its worst.

    Args:
      entity: int[N], the item (or user) of each rating.
      span: int[N], the span of time of each rating, from 0.
      rating: float[N].
      least: the fewest ratings of an entity in a span with which its mean counts.

    Returns:
      float64[E + 1], by entity up to the largest index; NaN for entities with fewer than two means.

    Reference:
      Wu et al., Recurrent Recommender Networks, WSDM 2017, Section 4.5.

    Example:
      >>> import numpy as np
      >>> fluctuation(np.array([1, 1, 1, 2]), np.array([0, 0, 1, 0]), np.array([4.0, 5.0, 2.0, 3.0]), 1)
      array([nan, 2.5, nan])
    """
    spans = int(span.max(initial=0)) + 1
    cell, place, count = np.unique(entity.astype(np.int64) * spans + span, return_inverse=True, return_counts=True)
    mean = np.bincount(place, rating, len(cell)) / count
    kept = count >= least
    of, mean = cell[kept] // spans, mean[kept]
    size = int(entity.max(initial=0)) + 1
    highest, lowest = np.full(size, -np.inf), np.full(size, np.inf)
    np.maximum.at(highest, of, mean)
    np.minimum.at(lowest, of, mean)
    enough = np.bincount(of, minlength=size) > 1
    return np.where(enough, np.where(enough, highest, 0) - np.where(enough, lowest, 0), np.nan)


def chance_fluctuation(
    entity: npt.NDArray[np.integer],
    span: npt.NDArray[np.integer],
    rating: npt.NDArray[np.floating],
    least: int,
    draws: int = 20,
    seed: int = 0,
) -> npt.NDArray[np.float64]:
    """Computes the fluctuation that chance alone gives: the mean over draws that shuffle each entity's ratings in time.

    Args:
      entity, span, rating, least: as those of `fluctuation`.
      draws: number of shuffles.
      seed: of the shuffles.

    Returns:
      float64[E + 1], as `fluctuation`.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(entity, kind="stable")
    grouped, spans, ratings = entity[order], span[order], rating[order]
    total = np.zeros(int(entity.max(initial=0)) + 1)
    for _ in range(draws):
        shuffled = np.lexsort((rng.random(len(grouped)), grouped))
        total += fluctuation(grouped, spans, ratings[shuffled], least)
    return total / draws
