"""Counts the least arithmetic and memory traffic of a phase from its batches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rrn_tf.config import ModelConfig
from rrn_tf.data.batches import BatchPlan
from rrn_tf.models.rrn import RATINGS

_GATES = {"lstm": 4, "gru": 3, "rnn": 1}  # other cells are counted as an LSTM
_CONTEXT = {"wallclock": 3, "delta": 2}  # number of embedded columns
_FLOAT = 4  # bytes of a number or an index


class Counts(NamedTuple):
    """Counts over the batches of one side.

    Attributes:
      rows: real time steps of entities.
      padded: time steps including padding, which the recurrence computes too.
      ratings: ratings that are predicted.
      inputs: ratings that are inputs of a later step.
      touched: sum over batches of distinct opposite entities, the embedding rows that a batch updates, if any.
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
        """Counts over all batches of a plan."""
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
        """Real steps with ratings as inputs: all but the first of each entity."""
        return self.rows - self.entities

    @property
    def padding(self) -> float:
        """Fraction of the time steps that are padding."""
        return 1 - self.rows / self.padded


class Work(NamedTuple):
    """The least work of a phase.

    Attributes:
      flops: floating-point operations; a multiply-add is two.
      bytes: bytes read and written.
    """

    flops: int
    bytes: int


class _Sizes(NamedTuple):
    """Widths of one network of the ensemble, and the operations of a step and of a rating for all networks.

    Attributes:
      ensemble: number M of networks.
      d, h, k: widths of embedding, state and projected state of a network.
      s: number of stationary factors.
      parts: number p of parts of the recurrent state.
      features: number F of features of innovations that a network embeds.
      cell, context, projection: operations of a real step.
      embedding: operations of a step with innovations as inputs.
      innovation: operations of an innovation that is an input of a step.
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
    """Counts the least work of one phase, including the refresh of the cached states that it changed.

    With M networks, each of embedding d, state h, g gates (LSTM 4, GRU 3, RNN 1), p parts of the state (LSTM 2, else 1)
    and projected states k, c columns of context (3, or 2 of the feature ``delta``) and s stationary factors, FLOPs are
    those of the matrix products, each computed forward, twice backward (for its input and for its weights; once if only
    one of them has a gradient) and once more in the refresh:

    * recurrence, for each real step: ``M 2 g h (d + h)``, times 4;
    * context of Eq. 5, for each real step: ``M 2 c d``, times 3 (the context has no gradient);
    * projection, for each real step: ``M 2 h k``, times 4;
    * emission, for each rating: ``2 (M k + s)``, times 2 (the opposite side has no gradient, the refresh no emission).

    If the inputs of steps are ratings:

    * embedding product, for each rating that is an input: ``M 2 d``, times 3 (the rating has no gradient).

    If they are innovations, with F features for each network (``k + 3``, ``2 k + 3`` with `include_opposite_state`):

    * embedding product, for each real step but an entity's first: ``M 2 F d``, times 3 (innovations are constants);
    * for each rating that is an input: its prediction, ``2 (M k + s)``, and its terms of the features' sums, ``M 2 k``,
      or ``M 3 k`` with `include_opposite_state`, times 2 (without gradients);
    * the refresh is of both sides, since their inputs depend on each other: for the *opposite* side's steps and
      ratings, recurrence, context, projection, embedding product and innovations, each once.

    Elementwise functions, the optimizers and padding are not counted, nor are the Bayesian factors, which phases do not
    train. Memory traffic, in numbers of 4 bytes:

    * for each rating: vectors and factors of both sides are read, ``2 (M k + s)``, gradients of the own side written,
      ``M k + s``, and columns of the batch read: 5 numbers in the step; for ratings as inputs 3 in the refresh;
    * for each rating that is an input as a rating: its embedding is read, its gradient written, and the embedding read
      in the refresh, ``3 M d``;
    * for each innovation that is an input of either side, in the refresh: the opposite vector and both factors are
      read, ``M k + 2 s``, and 3 numbers (in the step they are read for the emission);
    * for each real step: embedded inputs, state and projected state are written forward and read backward,
      ``2 M (d + p h + k)``, the context read twice, ``6``, and the projected state written to the cache, ``M k``;
      except for an entity's first step, the features of innovations are written forward and read backward, ``2 M F``;
    * for each real step of either side, in the refresh of innovations: its entity's state is read and written,
      ``2 M p h``, since steps are computed by level and not by entity; for the opposite side also the context is
      read, 3, and the cache written, ``M k``;
    * for each updated embedding row of a batch: weights and both moments of Adam are read and written, ``6 M d``;
    * for each entity: its factors are read and written, ``2 s``, and its last state is written to the cache, ``M p h``,
      with innovations on both sides.

    Gathered rows count as traffic even if the processor's caches can hold a small table; gates of the recurrence do not
    count, since they can be computed anew. Work that has to wait is counted as if it were parallel: the steps of a
    sequence and the levels of the refresh depend on each other, so that narrow ones are far from this limit anywhere.

    Args:
      counts: counts of the side's batches.
      sizes: sizes of the network.
      opposite: counts of the other side's batches; ignored with ratings as inputs.
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
