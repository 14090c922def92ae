"""What a phase must do at least: its arithmetic and its memory traffic, counted from its batches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rrn_tf.config import ModelConfig
from rrn_tf.data.batches import BatchPlan

_GATES = {"lstm": 4, "gru": 3, "rnn": 1}
_FLOAT = 4  # bytes; indices are as wide


class Counts(NamedTuple):
    """What the batches of one side hold.

    Attributes:
      rows: real rows, steps of an entity.
      padded: rows with padding, which the recurrence computes too.
      ratings: ratings that are predicted.
      inputs: ratings that enter a later step.
      touched: embedding rows that are updated, counted in each batch that does.
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


def count_work(counts: Counts, sizes: ModelConfig) -> Work:
    """The least work of one phase with the refresh of its side's cached states.

    With embedding d, state h, g gates (LSTM 4, GRU 3, RNN 1), p parts of the state (LSTM 2, else 1), projected states
    k and stationary factors s, FLOPs are those of the matrix products, each done forward, twice backward (for its
    input and for its weights; once where only one of them moves) and once more in the refresh:

    * recurrence, a real row: ``2 g h (d + h)``, times 4;
    * context of Eq. 5, a real row: ``2 * 3 d``, times 3 (the context does not move);
    * embedding product, a rating that enters a step: ``2 d``, times 3 (the rating does not move);
    * projection, a real row: ``2 h k``, times 4;
    * emission, a rating: ``2 (k + s)``, times 2 (the opposite side does not move, and the cache needs none).

    Elementwise functions, the optimizers and padding are not counted. Of memory traffic, in numbers of 4 bytes:

    * a rating: vectors and factors of both sides read, ``2 (k + s)``, gradients of its own written, ``k + s``, and
      what the batch tells of it: 5 numbers in the step, 3 in the refresh;
    * a rating that enters a step: its embedding read, its gradient written, the embedding read in the refresh, ``3 d``;
    * a real row: embedded step, state and projected state written forward and read backward, ``2 (d + p h + k)``, the
      context read twice, ``6``, and the projected state written to the cache, ``k``;
    * a touched embedding row of a batch: weights and both moments of Adam read and written, ``6 d``;
    * an entity: its factors read and written, ``2 s``, and its last state written to the cache, ``p h``.

    Gathered rows count as traffic even where caches of the processor hold a small table, and gates of the recurrence
    do not, since they can be computed anew.

    Args:
      counts: what the batches of the side hold.
      sizes: of the network.
    """
    d, h, k, s = sizes.embedding, sizes.units, sizes.dynamic, sizes.stationary
    gates, parts = _GATES[sizes.cell], 2 if sizes.cell == "lstm" else 1
    rows, ratings, inputs = counts.rows, counts.ratings, counts.inputs
    flops = (
        4 * rows * 2 * gates * h * (d + h)
        + 3 * rows * 2 * 3 * d
        + 3 * inputs * 2 * d
        + 4 * rows * 2 * h * k
        + 2 * ratings * 2 * (k + s)
    )
    numbers = (
        ratings * (3 * (k + s) + 8)
        + inputs * 3 * d
        + rows * (2 * (d + parts * h + k) + 6 + k)
        + counts.touched * 6 * d
        + counts.entities * (2 * s + parts * h)
    )
    return Work(flops, _FLOAT * numbers)
