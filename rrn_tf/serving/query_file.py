"""Prediction and evaluation of files of queries and later ratings by a saved model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.in_memory import ReadRows, read_files, same_rows, without_duplicates
from rrn_tf.data.reading.rejected import REASON, lines_of_rejected, reason_counts
from rrn_tf.data.reading.row_file import read_row_file
from rrn_tf.evaluation.metrics import mae, rmse, rmse_standard_error
from rrn_tf.evaluation.protocols import FROZEN, STREAMING
from rrn_tf.evaluation.slices import month_of, slice_metrics
from rrn_tf.features import (
    COLUMNS,
    EVENT_COLUMNS,
    ITEM_ID,
    MONTH,
    PREDICTION,
    RATING,
    TIMESTAMP,
    USER_ID,
    Side,
    Split,
)
from rrn_tf.files import written_whole
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.streaming import predict_streaming


class Queries(NamedTuple):
    """N valid rows of a file of queries.

    Attributes:
      user_id, item_id: object[N].
      timestamp: int64[N], unix seconds.
      rating: float32[N]; None if ratings are not needed.
    """

    user_id: npt.NDArray[np.object_]
    item_id: npt.NDArray[np.object_]
    timestamp: npt.NDArray[np.int64]
    rating: npt.NDArray[np.float32] | None

    @classmethod
    def of(cls, rows: ReadRows, *, labelled: bool) -> Queries:
        """Returns the valid rows of a file; `labelled` includes their ratings."""
        rating = rows.numbers(RATING, np.float32) if labelled else None
        return cls(rows.ids(USER_ID), rows.ids(ITEM_ID), rows.numbers(TIMESTAMP), rating)


@dataclass(frozen=True)
class PredictionOutcome:
    """The figures of `rrn predict`; `reasons` are numbers of rejected rows by reason."""

    predicted: int
    rejected: int
    unknown_users: int
    unknown_items: int
    before_cutoff: int
    reasons: dict[str, int] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class EvaluationOutcome:
    """The result of `rrn evaluate`: figures by split and protocol, by slice, and rejected rows by reason."""

    metrics: dict[str, dict[str, dict[str, float]]]
    slices: dict[str, list[dict[str, Any]]]
    messages: list[str]
    rejected: dict[str, int]


def predict_file(model: SavedRRN, queries: Path, output: Path, protocol: str = FROZEN) -> PredictionOutcome:
    """Adds a column `prediction` to a file of queries, with rows in order; it is empty in rejected rows.

    Args:
      model: the saved model.
      queries: CSV or Parquet of `user_id,item_id,timestamp`, for streaming with `rating`; other columns are kept.
      output: the CSV to write. If rows are rejected, a last column, `reason`, contains the reasons.
      protocol: see `rrn_tf.evaluation.protocols`.

    Raises:
      BadInputError: in one line, for a file that cannot be read, or already has a column that is added here.
    """
    labelled = protocol == STREAMING
    file = read_row_file(queries, COLUMNS if labelled else EVENT_COLUMNS, added=(PREDICTION, REASON))
    asked, rejected = Queries.of(file.rows, labelled=labelled), file.rows.rejected
    added = {PREDICTION: _placed(file.good, np.char.mod("%.6g", _answers(model, asked, protocol)), file.rows.total)}
    if rejected.num_rows:
        added[REASON] = _placed(file.rejected, rejected[REASON].to_numpy(), file.rows.total)
    with written_whole(output) as draft:
        try:
            file.write(draft, added)
        except BadInputError as error:  # of an ending that cannot be written
            raise BadInputError(str(error).replace(str(draft), str(output))) from None
    return PredictionOutcome(
        predicted=len(file.good),
        rejected=rejected.num_rows,
        unknown_users=int((~model.known(Side.USER, asked.user_id)).sum()),
        unknown_items=int((~model.known(Side.ITEM, asked.item_id)).sum()),
        before_cutoff=int((asked.timestamp < model.until).sum()),
        reasons=reason_counts(rejected[REASON]),
        messages=lines_of_rejected(str(queries), rejected, file.rows.total),
    )


def _placed(places: npt.NDArray[np.int64], texts: npt.NDArray[Any], count: int) -> pa.Array:
    """Returns texts at the places of some rows, and empty texts elsewhere: string[count]."""
    every = np.full(count, "", object)
    every[places] = texts
    return pa.array(every, pa.string())


def _answers(model: SavedRRN, asked: Queries, protocol: str) -> npt.NDArray[np.float32]:
    """Returns predictions float32[N]; under streaming, rows before the cutoff are predicted for the cutoff."""
    user, item, time, rating = asked
    prediction = np.empty(len(time), np.float32)
    streamed = (time >= model.cutoff) & (protocol == STREAMING)
    if rating is not None and streamed.any():
        # Ratings of the same user, item and second count once.
        number = same_rows(user[streamed], item[streamed], time[streamed])
        first = np.flatnonzero(streamed)[np.unique(number, return_index=True)[1]]
        prediction[streamed] = predict_streaming(model, user[first], item[first], time[first], rating[first])[number]
    prediction[~streamed] = model.predict(user[~streamed], item[~streamed], time[~streamed])
    return prediction


def evaluate_file(model: SavedRRN, data: str | Path, protocol: str) -> EvaluationOutcome:
    """Scores a model on later ratings, without repeated ones of the same user, item and second.

    Ratings of users and items known from training are in split `test`, as in the paper; the others are in
    `test_cold`. Slices include only the known ones.

    Args:
      model: the saved model.
      data: CSV or Parquet of `user_id,item_id,rating,timestamp`; a file or a glob.
      protocol: see `rrn_tf.evaluation.protocols`.

    Raises:
      BadInputError: in one line, for a file that cannot be read, or has no valid row.
    """
    rows = without_duplicates(read_files(str(data), COLUMNS)[0])
    asked, messages = Queries.of(rows, labelled=True), lines_of_rejected(str(data), rows.rejected, rows.total)
    user, item, times, rating = asked
    if rating is None or not len(rating):
        found = f"none that can be used: {messages[0]}" if messages else "no rows below the header"
        raise BadInputError(f"{data}: expected ratings, found {found}")
    prediction = _answers(model, asked, protocol)
    known = model.known(Side.USER, user) & model.known(Side.ITEM, item)
    metrics = {}
    for split, inside in ((Split.TEST, known), (Split.TEST_COLD, ~known)):
        if inside.any():
            users = pd.factorize(pd.Series(user[inside]))[0]
            metrics[split.label] = {
                protocol: {
                    "rmse": rmse(prediction[inside], rating[inside]),
                    "standard_error": rmse_standard_error(prediction[inside], rating[inside], users),
                    "mae": mae(prediction[inside], rating[inside]),
                    "n": int(inside.sum()),
                }
            }
    mean = np.full(len(rating), model.metadata.rating_mean)
    of_model, of_mean = rmse(prediction, rating), rmse(mean, rating)
    if of_model > of_mean:
        messages.append(
            f"warning: {data}: the RMSE of {of_model:.4f} is larger than {of_mean:.4f}, that of predicting the "
            "training ratings' mean each time"
        )
    if early := int((times < model.until).sum()):
        seen = "the last rating that the model has seen"
        messages.append(f"{data}: {early:,} rows lie before {seen}: not forecasts, but counted above")
    slices = {MONTH: slice_metrics(month_of(times[known]), prediction[known], rating[known])}
    return EvaluationOutcome(metrics, slices, messages, reason_counts(rows.rejected[REASON]))
