"""Top-K retrieval over candidates that change with time, with the interface of TensorFlow Recommenders."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_recommenders as tfrs


class TimedTopK(tfrs.layers.factorized_top_k.TopK):
    """Exact top-K retrieval with candidate vectors that are computed for each point in time.

    TFRS's own exact index keeps its candidates in variables that are fixed at export; item states change with the
    wallclock, so this one indexes tensors computed in the same graph.

    Args:
      k: default number of candidates.

    Example:
      >>> index = TimedTopK(k=1).index(tf.constant([[1.0, 0.0], [0.0, 1.0]]), tf.constant(["a", "b"]))
      >>> index(tf.constant([[0.0, 2.0]]))[1].numpy().tolist()
      [[b'b']]
    """

    def index(self, candidates: tf.Tensor | Sequence[tf.Tensor], identifiers: tf.Tensor | None = None) -> TimedTopK:
        """Sets the candidates.

        Args:
          candidates: float32[I, d]; or in parts float32[I, e] with widths that add up to d.
          identifiers: [I], identifiers of the candidates; positions by default.
        """
        self._parts = [candidates] if isinstance(candidates, tf.Tensor) else [*candidates]
        self._identifiers = tf.range(tf.shape(self._parts[0])[0]) if identifiers is None else identifiers
        return self

    def call(self, queries: tf.Tensor, k: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns scores and identifiers of the best `k` candidates of each query float32[N, d]: [N, min(k, I)]."""
        return self._top(self._scores(queries), k)

    def query_without(
        self, queries: tf.Tensor, excluded: tf.RaggedTensor, k: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """As `call`, leaving out for each query the candidates at positions `excluded` int[N, (n)].

        TFRS's `query_with_exclusions` compares every candidate with every exclusion; here the cost grows with the
        exclusions only. If fewer than k candidates are left, the tail has the score -inf.
        """
        scores = self._scores(queries)
        cells = tf.stack([excluded.value_rowids(), tf.cast(excluded.values, tf.int64)], axis=1)
        minus_infinity = tf.fill([tf.shape(cells)[0]], tf.constant(-float("inf")))
        return self._top(tf.tensor_scatter_nd_update(scores, cells, minus_infinity), k)

    def _scores(self, queries: tf.Tensor) -> tf.Tensor:
        # Scores are added rather than parts concatenated, which would have to be copied.
        widths = [part.shape[-1] for part in self._parts]
        return tf.add_n([*map(self._compute_score, tf.split(queries, widths, axis=1), self._parts)])

    def is_exact(self) -> bool:
        return True

    def _top(self, scores: tf.Tensor, k: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        wanted = tf.clip_by_value(self._k if k is None else k, 0, tf.shape(scores)[1])
        values, positions = tf.math.top_k(scores, k=wanted)
        return values, tf.gather(self._identifiers, positions)
