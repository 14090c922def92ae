"""Generates requests to a saved model, with known users and items at increasing times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from rrn_tf.features import Side
from rrn_tf.serving.saved_rrn import SavedRRN

_DAY = 86_400
_DAYS = 30
_DRAWN = 1 << 14

Pairs = tuple[npt.NDArray[np.object_], npt.NDArray[np.object_], npt.NDArray[np.int64]]


class Requests:
    """Draws requests to a model; requests depend on the seed only.

    Args:
      model: the model, with the users and items to draw from.
      seed: seed of the draws.
    """

    def __init__(self, model: SavedRRN, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._ids = {side: model.ids(side) for side in Side}
        self._cutoff = model.cutoff
        self._item_step = model.metadata.granularity(Side.ITEM)

    def pairs(self, batch: int) -> Callable[[int], Pairs]:
        """Returns a function that makes request number n, with ids object[batch] and timestamps int64[batch]."""
        users, items, times = self.many(_DRAWN, one_time=False)

        def request(number: int) -> Pairs:
            rows = (number * batch + np.arange(batch)) % _DRAWN
            return users[rows], items[rows], times[rows] + 60 * number

        return request

    def user(self, number: int) -> tuple[str, int]:
        """Makes request number n: a user, and the time n steps of the item side after the cutoff."""
        ids = self._ids[Side.USER]
        return ids[number % len(ids)], self._cutoff + number * self._item_step

    def user_at_one_step(self, number: int) -> tuple[str, int]:
        """Makes request number n: a user, and a time in the first step of the item side after the cutoff."""
        user, _ = self.user(number)
        return user, self._cutoff + number % self._item_step

    def many(self, pairs: int, *, one_time: bool) -> Pairs:
        """Draws ids object[pairs] and timestamps int64[pairs], which are equal or within 30 days after the cutoff."""
        users, items = (self._rng.choice(self._ids[side], pairs) for side in (Side.USER, Side.ITEM))
        later = np.full(pairs, _DAY) if one_time else self._rng.integers(0, _DAYS * _DAY, pairs)
        return users, items, self._cutoff + later
