"""What a phase must do at least: its arithmetic and its memory traffic, counted from its batches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rrn_tf.config import ModelConfig
from rrn_tf.data.batches import BatchPlan
from rrn_tf.models.rrn import RATINGS

_GATES = {"lstm": 4, "gru": 3, "rnn": 1}  # of other cells, the arithmetic is taken for that of an LSTM
_CONTEXT = {"wallclock": 3, "delta": 2}  # columns that are embedded
_FLOAT = 4  # bytes; indices are as wide


class Counts(NamedTuple):
    """What the batches of one side hold.

    Attributes:
      rows: real rows, steps of an entity.
      padded: rows with padding, which the recurrence computes too.
      ratings: ratings that are predicted.
      inputs: ratings that enter a later step.
      touched: distinct opposite entities of each batch, added up: embedding rows that it updates, if there are any.
      entities: sequences.
    """

    rows: int
    padded: int
    ratings: int
    inputs: int
    touched: int
    entities: int

    @classmethod
    def of(cls, plan: BatchPlan) -> Counts:
        """Counted over all batches."""
        each = [
            (
                batch.length.sum(),
                np.prod(batch.context.shape[:2]),
                len(batch.rating),
                np.count_nonzero(batch.input_slot >= 0),
                len(batch.distinct),
                len(batch.entity),
            )
            for batch in plan.shares()
        ]
        return cls(*map(int, np.sum(each, axis=0)))

    @property
    def fed_rows(self) -> int:
        """Real rows that ratings enter: all but the first of each entity."""
        return self.rows - self.entities

    @property
    def padding(self) -> float:
        """Share of the padded rows that are padding."""
        return 1 - self.rows / self.padded


class Work(NamedTuple):
    """A phase's least work.

    Attributes:
      flops: floating-point operations, a multiply-add being two.
      bytes: read and written.
    """

    flops: int
    bytes: int


class _Sizes(NamedTuple):
    """Widths of one member, and what follows from them for a row and for a rating.

    Attributes:
      ensemble: M.
      d, h, k: embedding, state and projected state of a member.
      s: stationary factors.
      parts: p, of the recurrent state.
      features: F, what a member's embedding of innovations is a product of.
      cell, context, projection: operations of a real row, all networks together.
      embedding: operations of a row that innovations enter.
      innovation: operations of an innovation that enters a row.
    """

    ensemble: int
    d: int
    h: int
    k: int
    s: int
    parts: int
    features: int
    cell: int
    context: int
    projection: int
    embedding: int
    innovation: int

    @classmethod
    def of(cls, sizes: ModelConfig) -> _Sizes:
        ensemble, d, h, k, s = sizes.ensemble, sizes.embedding, sizes.units, sizes.dynamic, sizes.stationary
        sums = 2 if sizes.include_opposite_state else 1
        features = sums * k + 3
        return cls(
            ensemble,
            d,
            h,
            k,
            s,
            parts=2 if sizes.cell == "lstm" else 1,
            features=features,
            cell=ensemble * 2 * _GATES.get(sizes.cell, 4) * h * (d + h),
            context=ensemble * 2 * _CONTEXT[sizes.time_feature] * d,
            projection=ensemble * 2 * h * k,
            embedding=ensemble * 2 * features * d,
            innovation=2 * (ensemble * k + s) + ensemble * (1 + sums) * k,
        )


def count_work(counts: Counts, sizes: ModelConfig, opposite: Counts) -> Work:
    """The least work of one phase with the refresh of the cached states that have moved with its side.

    With M networks, each of embedding d, state h, g gates (LSTM 4, GRU 3, RNN 1), p parts of the state (LSTM 2, else 1)
    and projected states k, c columns of context (3, or 2 of the feature ``delta``) and s stationary factors, FLOPs are
    those of the matrix products, each done forward, twice backward (for its input and for its weights; once where only
    one of them moves) and once more in the refresh:

    * recurrence, a real row: ``M 2 g h (d + h)``, times 4;
    * context of Eq. 5, a real row: ``M 2 c d``, times 3 (the context does not move);
    * projection, a real row: ``M 2 h k``, times 4;
    * emission, a rating: ``2 (M k + s)``, times 2 (the opposite side does not move, and the cache needs none).

    What is fed to a step, where it is ratings:

    * embedding product, a rating that enters a step: ``M 2 d``, times 3 (the rating does not move).

    And where it is innovations, of F features a member (``k + 3``, ``2 k + 3`` with `include_opposite_state`):

    * embedding product, a real row but an entity's first: ``M 2 F d``, times 3 (innovations are constants);
    * a rating that enters a step: its prediction, ``2 (M k + s)``, and its share of the features' sums, ``M 2 k``, or
      ``M 3 k`` with `include_opposite_state`, times 2 (no gradient passes);
    * the refresh concerns both sides, whose inputs depend on each other: of the *opposite* side's rows and ratings too,
      recurrence, context, projection, embedding product and innovations, each once.

    Elementwise functions, the optimizers and padding are not counted, nor are the Bayesian factors, which phases leave
    alone. Of memory traffic, in numbers of 4 bytes:

    * a rating: vectors and factors of both sides read, ``2 (M k + s)``, gradients of its own written, ``M k + s``, and
      what the batch tells of it: 5 numbers in the step; of ratings as inputs 3 in the refresh;
    * a rating that enters a step as such: its embedding read, its gradient written, the embedding read in the refresh,
      ``3 M d``;
    * an innovation that enters a step of either side, in the refresh: the opposite vector and both factors read,
      ``M k + 2 s``, and 3 numbers (in the step they are read for the emission);
    * a real row: embedded step, state and projected state written forward and read backward, ``2 M (d + p h + k)``, the
      context read twice, ``6``, and the projected state written to the cache, ``M k``; but for an entity's first, the
      features of innovations written forward and read backward, ``2 M F``;
    * a real row of either side, in the refresh of innovations: its entity's state read and written, ``2 M p h``, since
      rows go by levels and not by entities; of the opposite side also the context read, 3, and the cache written,
      ``M k``;
    * a touched embedding row of a batch: weights and both moments of Adam read and written, ``6 M d``;
    * an entity: its factors read and written, ``2 s``, and its last state written to the cache, ``M p h``, of
      innovations on both sides.

    Gathered rows count as traffic even where caches of the processor hold a small table, and gates of the recurrence
    do not, since they can be computed anew. What cannot be done at once is counted as if it could: steps of a sequence,
    and levels of the refresh, wait for one another, so narrow ones are far from this limit on any machine.

    Args:
      counts: what the batches of the side hold.
      sizes: of the network.
      opposite: what those of the other side hold; of ratings as inputs it does not matter.
    """
    of = _Sizes.of(sizes)
    rows, ratings, inputs = counts.rows, counts.ratings, counts.inputs
    embedding, state, vector = of.ensemble * of.d, of.ensemble * of.parts * of.h, of.ensemble * of.k
    flops = rows * (4 * of.cell + 3 * of.context + 4 * of.projection) + 2 * ratings * 2 * (vector + of.s)
    numbers = (
        ratings * (3 * (vector + of.s) + 5)
        + rows * (2 * (embedding + state + vector) + 6 + vector)
        + counts.entities * (2 * of.s + state)
    )
    if sizes.inputs == RATINGS:
        flops += 3 * inputs * 2 * embedding
        numbers += 3 * ratings + inputs * 3 * embedding + counts.touched * 6 * embedding
        return Work(flops, _FLOAT * numbers)
    flops += 3 * counts.fed_rows * of.embedding + 2 * inputs * of.innovation
    flops += (
        opposite.rows * (of.cell + of.context + of.projection)
        + opposite.fed_rows * of.embedding
        + opposite.inputs * of.innovation
    )
    numbers += (
        counts.fed_rows * 2 * of.ensemble * of.features
        + (inputs + opposite.inputs) * (vector + 2 * of.s + 3)
        + (rows + opposite.rows) * 2 * state
        + opposite.rows * (3 + vector)
        + opposite.entities * state
    )
    return Work(flops, _FLOAT * numbers)
