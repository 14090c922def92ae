"""Compares rating models on the same test ratings."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rrn_tf.baselines.ratings.protocol import Baseline, OnlineBaseline
from rrn_tf.data.interactions import Interactions
from rrn_tf.evaluation.metrics import mae, rmse, rmse_difference, rmse_standard_error
from rrn_tf.evaluation.tables import aligned_text, markdown
from rrn_tf.slow_work import working

_LONGEST_REFERENCE = 5  # characters; a longer name would make the table wider than 80 columns


@dataclass(frozen=True)
class RatingPredictions:
    """Predictions of a model for N ratings.

    Attributes:
      rating: float32[N], predicted ratings, clipped to the range of the training ratings.
      seconds: time of fitting; None if it was not measured.
      parameters: number of values that the model stores.
    """

    rating: npt.NDArray[np.float32]
    seconds: float | None
    parameters: int

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.integer]) -> RatingPredictions:
        """Returns the predictions of some of the ratings."""
        return replace(self, rating=self.rating[rows])


@dataclass(frozen=True)
class LeaderboardRow:
    """The metrics of one model.

    Attributes:
      model: name of the model.
      rmse, mae: errors on the test ratings.
      standard_error: standard error of the RMSE, with users as clusters.
      difference: RMSE less that of the reference model; negative is better. None for the reference itself.
      difference_standard_error: standard error of the paired difference. None for the reference itself.
      seconds: time of fitting; None if it was not measured.
      parameters: number of values that the model stores.
      n: number of test ratings.
    """

    model: str
    rmse: float
    standard_error: float
    difference: float | None
    difference_standard_error: float | None
    mae: float
    seconds: float | None
    parameters: int
    n: int


def fit_and_predict(model: Baseline, train: Interactions, valid: Interactions, test: Interactions) -> RatingPredictions:
    """Fits a model, measures the time of fitting, and predicts ratings.

    Args:
      model: a baseline of the frozen protocol.
      train, valid: ratings for fitting, and for choosing options.
      test: the N ratings to predict.
    """
    begin = time.perf_counter()
    with working(f"fitting {model.name}"):
        model.fit(train, valid)
        seconds = time.perf_counter() - begin
        predicted = model.predict(test.user, test.item, test.timestamp)
    return RatingPredictions(_clipped(predicted, train), seconds, model.num_parameters)


def fit_and_stream(
    model: OnlineBaseline, train: Interactions, valid: Interactions, later: Interactions
) -> RatingPredictions:
    """As `fit_and_predict` for the streaming protocol; `later` are all ratings observed after training."""
    begin = time.perf_counter()
    with working(f"fitting {model.name}"):
        model.fit(train, valid)
        seconds = time.perf_counter() - begin
        predicted = model.predict_stream(later)
    return RatingPredictions(_clipped(predicted, train), seconds, model.num_parameters)


def leaderboard(
    test: Interactions, predictions: Mapping[str, RatingPredictions], reference: str | None = None
) -> list[LeaderboardRow]:
    """Scores every model, best first; all predictions should follow one protocol.

    Args:
      test: the test ratings.
      predictions: predictions of each model, by name.
      reference: the model that the others are compared with; the first of `predictions` by default.

    Returns:
      One row for each model, by increasing RMSE.

    Raises:
      ValueError: without test ratings, for an unknown reference, or for predictions of another shape.
    """
    if not len(test):
        raise ValueError("a leaderboard should have test ratings, received none")
    reference = next(iter(predictions)) if reference is None else reference
    if reference not in predictions:
        raise ValueError(f"the reference should be one of {', '.join(predictions)}, received {reference!r}")

    def row(model: str) -> LeaderboardRow:
        of = predictions[model]
        difference, difference_error = (
            rmse_difference(of.rating, predictions[reference].rating, test.rating, test.user)
            if model != reference
            else (None, None)
        )
        return LeaderboardRow(
            model=model,
            rmse=rmse(of.rating, test.rating),
            standard_error=rmse_standard_error(of.rating, test.rating, test.user),
            difference=difference,
            difference_standard_error=difference_error,
            mae=mae(of.rating, test.rating),
            seconds=of.seconds,
            parameters=of.parameters,
            n=len(test),
        )

    return sorted(map(row, predictions), key=lambda line: line.rmse)


def leaderboard_text(rows: Sequence[LeaderboardRow]) -> str:
    """Formats the rows as aligned plain text, for logs and any terminal."""
    return aligned_text(*leaderboard_cells(rows))


def leaderboard_markdown(rows: Sequence[LeaderboardRow]) -> str:
    """Formats the rows as a Markdown table."""
    return markdown(*leaderboard_cells(rows))


def leaderboard_cells(rows: Sequence[LeaderboardRow]) -> tuple[list[str], list[list[str]]]:
    """Returns the headings, which name the reference if its name is short, and the cells of the table."""
    reference = next((row.model for row in rows if row.difference is None), "")
    against = f"vs {reference}" if len(reference) <= _LONGEST_REFERENCE else "diff."
    headings = ["model", "RMSE", "s.e.", against, "s.e.", "MAE", "seconds", "parameters"]
    return headings, [*map(_cells, rows)]


def _clipped(predicted: npt.NDArray[np.float32], train: Interactions) -> npt.NDArray[np.float32]:
    return np.clip(predicted, train.rating.min(), train.rating.max())


def _cells(row: LeaderboardRow) -> list[str]:
    def given(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    return [
        row.model,
        f"{row.rmse:.4f}",
        f"{row.standard_error:.4f}",
        given(row.difference, "+.4f"),
        given(row.difference_standard_error, ".4f"),
        f"{row.mae:.4f}",
        given(row.seconds, ".1f"),
        f"{row.parameters:,}",
    ]
