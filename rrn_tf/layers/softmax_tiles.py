"""Log-likelihoods of a softmax over many items, exact (in tiles) or estimated by sampling, with hand-written gradients.

All functions take states float[N, units], a kernel float[units, items], targets int[N] from 1 (0 at padding), and the
dtype of the matrix products; sums and results have the kernel's dtype. A row below is one state with its target.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

# The logits of a tile fit into a processor's last-level cache, but its rows far outnumber the units, so that adding to
# the kernel's gradient after each tile costs little beside the products.
TILE_BYTES = 16 << 20
ROWS_PER_UNIT = 4
ROWS = 32  # the rows of a tile are a multiple of this, so that products come in few shapes
# A smaller probability is computed from the logits instead, since it may have lost digits or become 0.
_TINY = 1e-30
_SMALLEST_SUM = 1e-18  # of exponentials: those that are then too small for float32 have no weight


class _Pass(NamedTuple):
    """Log-likelihoods [N], and the gradients of their weighted sum with respect to the states and the kernel."""

    found: Any
    states: Any
    kernel: Any


def tiled_log_likelihood(states: tf.Tensor, kernel: tf.Tensor, target: tf.Tensor, dtype: Any) -> tf.Tensor:
    """Computes log-likelihoods [N]; the backward pass computes each tile again."""

    @tf.custom_gradient
    def exact(states: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            back = _run(states, kernel, target, upstream, dtype)
            return back.states, back.kernel

        return _run(states, kernel, target, None, dtype).found, gradient

    return exact(states, kernel)


def kept_log_likelihood(states: tf.Tensor, rows: tf.Tensor, target: tf.Tensor, dtype: Any) -> tf.Tensor:
    """Computes log-likelihoods [N], none of padding; keeps all probabilities for the gradient, so items must be few.

    Instead of the kernel it takes its transpose, rows float[items, units], which no product needs the other way around.
    """

    @tf.custom_gradient
    def exact(states: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, Any]:
        low, column = tf.cast(rows, dtype), target - 1
        logits = tf.matmul(tf.cast(states, dtype), low, transpose_b=True)
        p = tf.nn.softmax(logits)
        place = tf.stack([tf.range(tf.shape(column)[0]), column], axis=1)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            weight = tf.cast(upstream[:, tf.newaxis], rows.dtype)
            of_states = weight * tf.cast(tf.gather(low, column) - tf.matmul(p, low), rows.dtype)
            weighted = weight * tf.cast(states, rows.dtype)
            expected = tf.matmul(p, tf.cast(weighted, dtype), transpose_a=True)
            of_targets = tf.math.unsorted_segment_sum(weighted, column, tf.shape(rows)[0])
            return tf.cast(of_states, states.dtype), of_targets - tf.cast(expected, rows.dtype)

        return _log_chosen(logits, p, None, place, rows.dtype), gradient

    return exact(states, rows)


def weighted_log_likelihood(
    states: tf.Tensor, kernel: tf.Tensor, target: tf.Tensor, weight: tf.Tensor, dtype: Any
) -> tf.Tensor:
    """Sums log-likelihoods times weights [N]; the gradient is computed in the same pass."""

    @tf.custom_gradient
    def exact(states: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
        done = _run(states, kernel, target, weight, dtype, compiled=True)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return tf.cast(upstream, states.dtype) * done.states, upstream * done.kernel

        weighted = tf.where(target > 0, done.found * tf.cast(weight, kernel.dtype), tf.zeros_like(done.found))
        return tf.reduce_sum(weighted), gradient

    return exact(states, kernel)


def _run(
    states: tf.Tensor,
    kernel: tf.Tensor,
    target: tf.Tensor,
    weight: tf.Tensor | None,
    dtype: Any,
    *,
    compiled: bool = False,
) -> _Pass:
    """Passes once over all rows without padding, in tiles; without weights it computes no gradients.

    `compiled`: whether XLA compiles exponentials (see `_odds`), which TensorFlow Serving does not by default.
    """
    dtype, full = tf.as_dtype(dtype), kernel.dtype
    units, items = kernel.shape
    real = tf.where(target > 0)
    # All tiles have the same size: the last is filled up with rows of zeros and weight 0.
    n = tf.shape(real)[0]
    count = tf.maximum(1, -(-n // max(TILE_BYTES // (items * dtype.size), ROWS_PER_UNIT * units)))
    rows = -(-n // (count * ROWS)) * ROWS

    def tiled(values: tf.Tensor, tail: list[int]) -> tf.Tensor:
        values = tf.gather_nd(values, real)
        return tf.reshape(tf.pad(values, [[0, count * rows - n], *([0, 0] for _ in tail)]), [count, rows, *tail])

    def untiled(tiles: tf.TensorArray, like: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.scatter_nd(real, tiles.concat()[:n], tf.shape(like, tf.int64)), like.dtype)

    h = tf.cast(tiled(states, [units]), full)
    column = tf.cast(tf.maximum(tiled(target, []) - 1, 0), tf.int32)
    w = None if weight is None else tf.cast(tiled(weight[:, tf.newaxis], [1]), full)
    low = tf.cast(kernel, dtype)
    turned = tf.transpose(low)  # multiplying with it is twice as fast as letting the product transpose

    def tile(i: tf.Tensor, found: tf.TensorArray, d_states: tf.TensorArray, d_kernel: tf.Tensor) -> tuple[Any, ...]:
        logits = tf.matmul(tf.cast(h[i], dtype), low)
        odds, total = _odds(logits) if compiled and dtype == tf.float32 else (tf.nn.softmax(logits), None)
        place = tf.stack([tf.range(rows), column[i]], axis=1)
        found = found.write(i, _log_chosen(logits, odds, total, place, full))
        if w is not None:
            each = w[i] if total is None else w[i] / total
            of_target = w[i] * tf.cast(tf.gather(turned, column[i]), full)
            d_states = d_states.write(i, of_target - each * tf.cast(tf.matmul(odds, turned), full))
            d_kernel -= tf.cast(tf.matmul(tf.cast(each * h[i], dtype), odds, transpose_a=True), full)
        return i + 1, found, d_states, d_kernel

    arrays = [tf.TensorArray(full, count, infer_shape=False, element_shape=shape) for shape in ([None], [None, units])]
    start = tf.zeros([], full)
    if w is not None:
        of_targets = tf.reshape(w * h, [-1, units]), tf.reshape(column, [-1])
        start = tf.transpose(tf.math.unsorted_segment_sum(*of_targets, num_segments=items))
    _, found, d_states, d_kernel = tf.while_loop(
        lambda i, *_: i < count, tile, (tf.constant(0), *arrays, start), parallel_iterations=1
    )
    likelihoods = untiled(found, tf.zeros_like(target, full))
    if w is None:
        return _Pass(likelihoods, None, None)
    return _Pass(likelihoods, untiled(d_states, states), d_kernel)


# XLA's exponential takes a third of the time of oneDNN's softmax, and that of TensorFlow's own exponential.
_compiled_exp = tf.function(tf.exp, jit_compile=True, autograph=False, reduce_retracing=True)


def _odds(logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns exponentials of logits float32[rows, items], or their softmax if some are too large or all too small.

    With them come their sums float32[rows, 1]. A product with a matrix is divided by the sums afterwards, since it has
    far fewer elements.
    """
    odds = _compiled_exp(logits)
    total = tf.reduce_sum(odds, axis=1, keepdims=True)
    usable = tf.reduce_all((total > _SMALLEST_SUM) & (total < tf.constant(tf.float32.max)))
    return tf.cond(usable, lambda: (odds, total), lambda: (tf.nn.softmax(logits), tf.ones_like(total)))


def _log_chosen(logits: tf.Tensor, odds: tf.Tensor, total: tf.Tensor | None, place: tf.Tensor, full: Any) -> tf.Tensor:
    """Returns the logarithms of the probabilities at `place`, from odds that add up to `total` (1 if None)."""
    chosen = tf.cast(tf.gather_nd(odds, place), full)
    if total is not None:
        chosen /= tf.cast(total[:, 0], full)

    def from_logits() -> tf.Tensor:
        wide = tf.cast(logits, full)
        return tf.gather_nd(wide, place) - tf.reduce_logsumexp(wide, axis=1)

    return tf.cond(tf.reduce_any(chosen < _TINY), from_logits, lambda: tf.math.log(chosen))


def sampled_log_likelihood(
    states: tf.Tensor, kernel: tf.Tensor, target: tf.Tensor, samples: int, seed: tf.Tensor, dtype: Any
) -> tf.Tensor:
    """Estimates log-likelihoods [N] from items sampled uniformly without replacement, the same for all rows."""
    items, full = kernel.shape[1], kernel.dtype
    drawn = tf.random.experimental.index_shuffle(tf.range(min(samples, items)), tf.cast(seed, tf.int32), items - 1)
    real, column = target > 0, tf.maximum(target - 1, 0)
    states = tf.where(real[:, tf.newaxis], tf.cast(states, full), tf.zeros([], full))
    rows = tf.transpose(kernel)
    own = tf.reduce_sum(states * tf.gather(rows, column), axis=1)
    logits = tf.matmul(tf.cast(states, dtype), tf.cast(tf.gather(rows, drawn), dtype), transpose_b=True)
    other = tf.cast(drawn, column.dtype)[tf.newaxis] != column[:, tf.newaxis]
    met = tf.reduce_sum(tf.cast(other, full), axis=1)
    # Each sampled item other than the target represents this many of the other items.
    scale = tf.math.log(tf.cast(items - 1, full) / tf.maximum(met, 1))
    logits = tf.where(other, tf.cast(logits, full), tf.constant(full.min, full)) + scale[:, tf.newaxis]
    total = tf.reduce_logsumexp(tf.concat([own[:, tf.newaxis], logits], axis=1), axis=1)
    return tf.where(real, own - total, tf.zeros_like(own))
