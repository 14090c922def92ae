"""Ranks all items, or given candidates, for users at a time."""

from __future__ import annotations

import tensorflow as tf

from rrn_tf.serving.cached_gates import CachedGates
from rrn_tf.serving.kept_steps import KeptSteps
from rrn_tf.serving.micro_batches import in_blocks
from rrn_tf.serving.retrieval import TimedTopK
from rrn_tf.serving.state_tables import StateTable

_ROWS = 256  # users that are scored against the whole catalogue at once
_CELLS = 1 << 16  # candidates that are scored at once
_NONE = -float("inf")

Ranking = tuple[tf.Tensor, tf.Tensor]


class Catalogue(tf.Module):
    """Ranks items for users, each at a time step of the item side.

    Both methods return item indices int64[N, width] and scores float32[N, width], best first; if fewer items are left,
    the tail has index 0 and the score -inf.

    Args:
      items: the item side's table.
      resting: cached gates of the same items, which are faster for scoring all of them; optional.
    """

    def __init__(self, items: StateTable, resting: CachedGates | None = None) -> None:
        super().__init__(name="catalogue")
        self._items = items
        self._resting = resting
        self._kept = KeptSteps(*(resting.shape if resting else (int(items.ids.shape[0]) - 1, items.width)))

    def best(self, query: tf.Tensor, step: tf.Tensor, excluded: tf.RaggedTensor, width: tf.Tensor) -> Ranking:
        """Ranks all items.

        Args:
          query: float32[N, d], the users' vectors.
          step: int64[N], time steps of the item side.
          excluded: int64[N, (n)], indices of items to leave out.
          width: int32[], number of items to return, at most the number of items.
        """
        every = tf.range(1, tf.shape(self._items.ids)[0], dtype=tf.int64)
        query, constant = self._converted(query)
        steps, group = tf.unique(step)
        order = tf.argsort(group, stable=True)
        splits = tf.concat([[0], tf.cumsum(tf.math.bincount(group, minlength=tf.size(steps)))], axis=0)
        # tf.tensor_scatter_nd_update fails for tensors without elements.
        some = tf.maximum(width, 1)
        scores = tf.zeros([tf.size(step), some])
        found = tf.zeros([tf.size(step), some], tf.int64)

        def of_step(number: tf.Tensor, *best: tf.Tensor) -> tuple[tf.Tensor, ...]:
            # The vectors of items are the same for all queries of one step.
            index = TimedTopK(k=10).index(self._candidates(every, steps[number]), every)

            def of_rows(begin: tf.Tensor, scores: tf.Tensor, found: tf.Tensor) -> tuple[tf.Tensor, ...]:
                rows = order[begin : tf.minimum(begin + _ROWS, splits[number + 1])]
                without = tf.gather(excluded, rows) - 1
                values, items = index.query_without(tf.gather(query, rows), without, some)
                place = rows[:, tf.newaxis]
                scores = tf.tensor_scatter_nd_update(scores, place, values)
                return begin + _ROWS, scores, tf.tensor_scatter_nd_update(found, place, items)

            start = (splits[number], *best)
            return number + 1, *tf.while_loop(lambda begin, *_: begin < splits[number + 1], of_rows, start)[1:]

        start = (tf.constant(0), scores, found)
        _, scores, found = tf.while_loop(lambda number, *_: number < tf.size(steps), of_step, start)
        found = tf.where(scores > _NONE, found, tf.zeros_like(found))
        return found[:, :width], (scores + constant)[:, :width]

    def _candidates(self, every: tf.Tensor, step: tf.Tensor) -> list[tf.Tensor]:
        """Computes the vectors of all items at a step, in parts as `TimedTopK` expects them."""
        if (resting := self._resting) is None:
            steps = tf.fill(tf.shape(every), step)
            return [self._kept.at(step, tf.constant(False), lambda: [self._items.shared_vectors(every, steps)])]
        moved = self._kept.at(step, resting.compiled, lambda: resting.hidden(self._items.wallclock(step)))
        return [moved, self._items.factors[1:]]

    def _converted(self, query: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | float]:
        """Converts users' vectors float32[N, d] for inner products with `_candidates`; also returns a term to add."""
        if self._resting is None:
            return query, 0.0
        stationary = self._items.factors.shape[1]
        moving, factors = tf.split(query, [query.shape[1] - stationary, stationary], axis=1)
        moving, constant = self._resting.queries(moving)
        return tf.concat([moving, factors], axis=1), constant

    def best_of(
        self, query: tf.Tensor, step: tf.Tensor, candidates: tf.Tensor, excluded: tf.RaggedTensor, width: tf.Tensor
    ) -> Ranking:
        """Ranks the candidates of each user.

        Args:
          query, step, excluded: as in `best`.
          candidates: int64[N, C], indices of items; 0 and repetitions are ignored.
          width: int32[], number of items to return, at most C.
        """

        def ranked(query: tf.Tensor, step: tf.Tensor, candidates: tf.Tensor, row: tf.Tensor) -> list[tf.Tensor]:
            item = tf.sort(candidates, axis=1)
            repeated = tf.concat([tf.zeros_like(item[:, :1], tf.bool), item[:, 1:] == item[:, :-1]], axis=1)
            left = (item > 0) & ~repeated & ~_among(item, tf.gather(excluded, row))
            steps = tf.broadcast_to(step[:, tf.newaxis], tf.shape(item))
            vectors = self._items.shared_vectors(tf.reshape(item, [-1]), tf.reshape(steps, [-1]))
            owner = tf.repeat(tf.range(tf.shape(item)[0]), tf.shape(item)[1])
            scores = tf.reduce_sum(tf.gather(query, owner) * vectors, axis=1)
            scores, place = tf.math.top_k(tf.where(left, tf.reshape(scores, tf.shape(item)), _NONE), width)
            item = tf.gather(item, place, batch_dims=1)
            return [tf.where(scores > _NONE, item, tf.zeros_like(item)), scores]

        inputs = (query, step, candidates, tf.range(tf.size(step)))
        rows = _CELLS // tf.maximum(tf.shape(candidates)[1], 1)
        found, scores = in_blocks(ranked, inputs, rows, [tf.int64, tf.float32])
        return found, scores


def _among(item: tf.Tensor, excluded: tf.RaggedTensor) -> tf.Tensor:
    """Returns whether each item int64[N, C] is among its row's excluded items int64[N, (n)]: bool[N, C]."""
    base = 1 + tf.maximum(tf.reduce_max(tf.concat([[0], tf.reshape(item, [-1])], axis=0)), 0)
    inside = tf.where((excluded.values > 0) & (excluded.values < base))
    inside = tf.gather_nd(excluded.value_rowids() * base + excluded.values, inside)
    known = tf.concat([tf.sort(inside), [tf.int64.max]], axis=0)
    keys = tf.range(tf.shape(item, tf.int64)[0])[:, tf.newaxis] * base + item
    place = tf.searchsorted(known, tf.reshape(keys, [-1]))
    return tf.reshape(tf.gather(known, place), tf.shape(item)) == keys
