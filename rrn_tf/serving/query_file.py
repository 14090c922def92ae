"""Queries and later ratings in a CSV file, answered by a saved model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.evaluation.metrics import mae, rmse, rmse_standard_error
from rrn_tf.evaluation.protocols import FROZEN, STREAMING
from rrn_tf.evaluation.slices import month_of, slice_metrics
from rrn_tf.features import ITEM_ID, MONTH, PREDICTION, RATING, TIMESTAMP, USER_ID, Side, Split
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.streaming import predict_streaming

WHOLE = r"\s*\d{1,18}\s*"
MESSAGES = 3  # of rows that cannot be used; then their number


class QueryFileError(ValueError):
    """A query file that cannot be read; the message says file, expectation and finding."""


@dataclass(frozen=True)
class QueryTable:
    """Rows of a query file.

    Attributes:
      frame: the file as it is, all text.
      usable: bool[N]; False where the row cannot be answered.
      timestamp: int64[N]; 0 where unusable.
      rating: float32[N] or None; NaN where unusable.
      messages: a line for the first unusable rows, then their number.
    """

    frame: pd.DataFrame
    usable: npt.NDArray[np.bool_]
    timestamp: npt.NDArray[np.int64]
    rating: npt.NDArray[np.float32] | None
    messages: list[str]


@dataclass(frozen=True)
class PredictionOutcome:
    """What `rrn predict` did."""

    predicted: int
    rejected: int
    unknown_users: int
    unknown_items: int
    before_cutoff: int
    messages: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class EvaluationOutcome:
    """What `rrn evaluate` found: figures by split and protocol, and slices of the known rows."""

    metrics: dict[str, dict[str, dict[str, float]]]
    slices: dict[str, list[dict[str, Any]]]
    messages: list[str]


def read_queries(path: Path, *, labelled: bool = False) -> QueryTable:
    """Reads a CSV of `user_id,item_id,timestamp[,rating]`; other columns are kept.

    Args:
      path: the file.
      labelled: whether a rating is needed.

    Raises:
      QueryFileError: for a missing file or column, or a file that is no CSV.
    """
    if not path.exists():
        raise QueryFileError(f"{path}: expected a CSV file, found none")
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", encoding_errors="replace")
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise QueryFileError(f"{path}: {str(error).splitlines()[0]}") from None
    needed = [USER_ID, ITEM_ID, TIMESTAMP, *([RATING] if labelled else [])]
    if missing := [column for column in needed if column not in frame]:
        found = ", ".join(map(str, frame.columns))
        raise QueryFileError(f"{path}:1: expected columns {', '.join(needed)}, found {found} (no {missing[0]})")

    whole = frame[TIMESTAMP].str.fullmatch(WHOLE).to_numpy(bool)
    problems = [
        (USER_ID, (frame[USER_ID] == "").to_numpy(), "should be an id"),
        (ITEM_ID, (frame[ITEM_ID] == "").to_numpy(), "should be an id"),
        (TIMESTAMP, ~whole, "should be unix seconds"),
    ]
    rating = None
    if labelled:
        rating = pd.to_numeric(frame[RATING], errors="coerce").to_numpy(np.float32)
        problems.append((RATING, ~np.isfinite(rating), "should be a finite number"))
    usable = ~np.logical_or.reduce([bad for _, bad, _ in problems])
    messages = []
    for row in np.flatnonzero(~usable)[:MESSAGES]:
        column, expected = next((column, expected) for column, bad, expected in problems if bad[row])
        messages.append(f"{path}:{row + 2}: {column} {expected}, found {frame[column].iat[row]!r}")
    messages += unused(path, usable)
    timestamp = frame[TIMESTAMP].where(whole, "0").astype(np.int64).to_numpy()
    return QueryTable(frame, usable, timestamp, rating, messages)


def unused(path: Path, usable: npt.NDArray[np.bool_]) -> list[str]:
    """A line that says how many rows of a file could not be used, if any could not."""
    left_out = len(usable) - int(usable.sum())
    return [f"{path}: {left_out:,} of {len(usable):,} rows could not be used"] if left_out else []


def predict_file(model: SavedRRN, queries: Path, output: Path, protocol: str = FROZEN) -> PredictionOutcome:
    """Adds a `prediction` column to a CSV of queries; rows keep their order, unusable ones stay empty.

    Args:
      model: answers.
      queries: CSV of `user_id,item_id,timestamp`, for streaming with `rating`.
      output: the CSV to write.
      protocol: see `rrn_tf.evaluation.protocols`.
    """
    table = read_queries(queries, labelled=protocol == STREAMING)
    rows = table.frame[table.usable]
    times = table.timestamp[table.usable]
    prediction = np.full(len(table.frame), "", dtype=object)
    prediction[table.usable] = [f"{value:.6g}" for value in _answers(model, table, protocol)]
    output.parent.mkdir(parents=True, exist_ok=True)
    table.frame.assign(**{PREDICTION: prediction}).to_csv(output, index=False)
    return PredictionOutcome(
        predicted=len(rows),
        rejected=len(table.frame) - len(rows),
        unknown_users=int((~model.known(Side.USER, rows[USER_ID])).sum()),
        unknown_items=int((~model.known(Side.ITEM, rows[ITEM_ID])).sum()),
        before_cutoff=int((times < model.until).sum()),
        messages=table.messages,
    )


def _answers(model: SavedRRN, table: QueryTable, protocol: str) -> npt.NDArray[np.float32]:
    """Predictions for the usable rows; under streaming, rows before the cutoff are answered as of the cutoff."""
    rows, times = table.frame[table.usable], table.timestamp[table.usable]
    prediction = np.empty(len(rows), np.float32)
    streamed = (times >= model.cutoff) & (protocol == STREAMING)
    if table.rating is not None and streamed.any():
        rating = table.rating[table.usable]
        later = rows[streamed]
        prediction[streamed] = predict_streaming(
            model, later[USER_ID], later[ITEM_ID], times[streamed], rating[streamed]
        )
    others = rows[~streamed]
    prediction[~streamed] = model.predict(others[USER_ID], others[ITEM_ID], times[~streamed])
    return prediction


def evaluate_file(model: SavedRRN, data: Path, protocol: str) -> EvaluationOutcome:
    """Scores a model on later ratings.

    Rows of users and items known from training are `test`, the paper's rule; the others are
    `test_cold`. Slices are of the known rows.
    """
    table = read_queries(data, labelled=True)
    if table.rating is None or not table.usable.any():
        raise QueryFileError(f"{data}: expected ratings, found no row that can be used")
    rows, times, rating = table.frame[table.usable], table.timestamp[table.usable], table.rating[table.usable]
    prediction = _answers(model, table, protocol)
    known = model.known(Side.USER, rows[USER_ID]) & model.known(Side.ITEM, rows[ITEM_ID])
    metrics = {}
    for split, inside in ((Split.TEST, known), (Split.TEST_COLD, ~known)):
        if inside.any():
            users = pd.factorize(rows[USER_ID][inside])[0]
            metrics[split.label] = {
                protocol: {
                    "rmse": rmse(prediction[inside], rating[inside]),
                    "standard_error": rmse_standard_error(prediction[inside], rating[inside], users),
                    "mae": mae(prediction[inside], rating[inside]),
                    "n": int(inside.sum()),
                }
            }
    messages = list(table.messages)
    if early := int((times < model.until).sum()):
        seen = "the last rating that the model has seen"
        messages.append(f"{data}: {early:,} rows lie before {seen}: not forecasts, but counted above")
    slices = {MONTH: slice_metrics(month_of(times[known]), prediction[known], rating[known])}
    return EvaluationOutcome(metrics, slices, messages)
