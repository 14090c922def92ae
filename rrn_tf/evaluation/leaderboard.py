"""Models beside each other on the same test rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rrn_tf.data.interactions import Interactions
from rrn_tf.evaluation.metrics import mae, rmse, rmse_difference, rmse_standard_error
from rrn_tf.evaluation.tables import aligned_text, markdown

_HEADINGS = ("model", "RMSE", "s.e.", "difference", "s.e.", "MAE", "rows")


@dataclass(frozen=True)
class LeaderboardRow:
    """One model's line.

    Attributes:
      model: its name.
      rmse, mae: on the test rows.
      standard_error: of the RMSE, with users as clusters.
      difference: RMSE less that of the reference model; negative is better. None on its own line.
      difference_standard_error: of the paired difference. None on the reference's line.
      n: number of test rows.
    """

    model: str
    rmse: float
    standard_error: float
    difference: float | None
    difference_standard_error: float | None
    mae: float
    n: int


def leaderboard(
    test: Interactions, predictions: Mapping[str, npt.NDArray[np.floating]], reference: str | None = None
) -> list[LeaderboardRow]:
    """Scores every model, best first.

    Args:
      test: the test ratings.
      predictions: float[N] by model name, clipped by the caller as the models are used.
      reference: the model that the others are compared with; the first of `predictions` by default.

    Returns:
      A row a model, by increasing RMSE.

    Raises:
      ValueError: without test rows, for an unknown reference, or for predictions of another shape.
    """
    if not len(test):
        raise ValueError("a leaderboard should have test ratings, received none")
    reference = next(iter(predictions)) if reference is None else reference
    if reference not in predictions:
        raise ValueError(f"the reference should be one of {', '.join(predictions)}, received {reference!r}")

    def row(model: str) -> LeaderboardRow:
        predicted = predictions[model]
        difference, difference_error = (
            rmse_difference(predicted, predictions[reference], test.rating, test.user)
            if model != reference
            else (None, None)
        )
        return LeaderboardRow(
            model=model,
            rmse=rmse(predicted, test.rating),
            standard_error=rmse_standard_error(predicted, test.rating, test.user),
            difference=difference,
            difference_standard_error=difference_error,
            mae=mae(predicted, test.rating),
            n=len(test),
        )

    return sorted(map(row, predictions), key=lambda line: line.rmse)


def leaderboard_text(rows: Sequence[LeaderboardRow]) -> str:
    """The rows as aligned plain text, for logs and for terminals of any kind."""
    return aligned_text(_HEADINGS, [*map(_cells, rows)])


def leaderboard_markdown(rows: Sequence[LeaderboardRow]) -> str:
    """The rows as a Markdown table."""
    return markdown(_HEADINGS, [*map(_cells, rows)])


def _cells(row: LeaderboardRow) -> tuple[str, ...]:
    difference = "" if row.difference is None else f"{row.difference:+.4f}"
    error = "" if row.difference_standard_error is None else f"{row.difference_standard_error:.4f}"
    return (
        row.model,
        f"{row.rmse:.4f}",
        f"{row.standard_error:.4f}",
        difference,
        error,
        f"{row.mae:.4f}",
        f"{row.n:,}",
    )
