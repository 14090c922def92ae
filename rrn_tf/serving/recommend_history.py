"""Recommends items to users whose ratings come with the request, from a saved RRN."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.features import Side
from rrn_tf.serving.export import RRNServing
from rrn_tf.serving.histories import Histories, PaddedHistories
from rrn_tf.serving.history_factors import RequestHistory
from rrn_tf.serving.kept import kept_cells
from rrn_tf.serving.requests import answer_width
from rrn_tf.serving.saved_rrn import SavedRRN, texts

_LIST = tf.TensorSpec([None], tf.string)


class HistoryRanking:
    """Ranks items for users by the state that `predict_from_history` computes from their whole history.

    What the model has stored of such a user's ratings is set aside, except for the stationary factors, and for the
    items that it knows to be rated: these and the history's are left out.

    Args:
      saved: the saved model.
    """

    def __init__(self, saved: SavedRRN) -> None:
        with tempfile.TemporaryDirectory(prefix="rrn-history-") as folder:
            self._module = RRNServing(saved.load_model(), Path(folder))
        self._granularity, self._cutoff, self._until = saved.metadata.granularity(Side.USER), saved.cutoff, saved.until
        self._items = len(saved.ids(Side.ITEM))
        cells = [None, None]
        self._ranked = tf.function(
            self._rank,
            input_signature=[
                _LIST,
                tf.TensorSpec([None], tf.int64),
                tf.TensorSpec(cells, tf.string),
                tf.TensorSpec(cells, tf.float32),
                tf.TensorSpec(cells, tf.int64),
                _LIST,
                _LIST,
                tf.TensorSpec([], tf.bool),
                tf.TensorSpec([], tf.int32),
            ],
            autograph=False,
        )

    def recommend(
        self,
        user_id: npt.NDArray[np.object_],
        timestamp: npt.NDArray[np.int64],
        timed: npt.NDArray[np.bool_],
        k: int,
        histories: Histories,
        *,
        exclude: Sequence[str] = (),
        candidates: Sequence[str] | None = None,
    ) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float32]]:
        """Recommends items to users string[N] who all have a history: object[N, k] and scores, -inf if none is left.

        Args:
          user_id: the users.
          timestamp: int64[N], unix seconds.
          timed: bool[N], whether to use `timestamp`; otherwise the time is the first step after the user's last rating
            or the time of the model's last ratings, whichever is later.
          k: number of items.
          histories: the users' ratings.
          exclude: items to leave out for all users.
          candidates: the only items to recommend; all by default.
        """
        k = min(k, self._items)
        item = np.full((len(user_id), k), "", object)
        score = np.full((len(user_id), k), -np.inf, np.float32)
        lists = [tf.constant(list(names or ()), tf.string, [len(names or ())]) for names in (exclude, candidates)]
        for given in histories.of(user_id):
            users = given.user
            times = np.where(timed[users], timestamp[users], self._after(given))
            found, values = self._ranked(
                tf.constant(user_id[users], tf.string),
                tf.constant(times),
                tf.constant(given.item_id, tf.string, given.item_id.shape),
                tf.constant(given.rating),
                tf.constant(given.timestamp),
                *lists,
                tf.constant(candidates is not None),
                tf.constant(k, tf.int32),
            )
            width = values.shape[1]
            item[users, :width], score[users, :width] = texts(found), values.numpy()
        return item, score

    def _after(self, given: PaddedHistories) -> npt.NDArray[np.int64]:
        """Returns the earliest time, int64[M], at which a user's state includes all of the history."""
        step = (given.timestamp[:, -1] - self._cutoff) // self._granularity + 1
        return np.maximum(self._cutoff + step * self._granularity, self._until)

    def _rank(
        self,
        user_id: tf.Tensor,
        timestamp: tf.Tensor,
        item_id: tf.Tensor,
        rating: tf.Tensor,
        rated_at: tf.Tensor,
        exclude: tf.Tensor,
        candidates: tf.Tensor,
        among: tf.Tensor,
        k: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        module = self._module
        user, item = module.table(Side.USER).index(user_id), module.table(Side.ITEM).index(item_id)
        query = module.history.vectors(user, timestamp, RequestHistory(item, rating, rated_at, item_id != ""))
        rows = tf.size(user)

        def for_each(ids: tf.Tensor) -> tf.Tensor:
            return tf.repeat(module.table(Side.ITEM).index(ids)[tf.newaxis], rows, axis=0)

        others = tf.concat([item, for_each(exclude)], axis=1)
        without = tf.concat([module.seen.of(user, user_id), kept_cells(others, others > 0)], axis=1)
        step = module.table(Side.ITEM).step(timestamp)
        choices = tf.where(among, tf.size(candidates), tf.size(module.item_ids) - 1)
        width = answer_width(k, rows, choices)
        found, score = tf.cond(
            among,
            lambda: module.catalogue.best_of(query, step, for_each(candidates), without, width),
            lambda: module.catalogue.best(query, step, without, width),
        )
        return tf.gather(module.item_ids, found), score
