"""Table 3 of the RRN paper: granularity against RMSE and time of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from rrn_tf.evaluation.experiments.exhibits import Exhibit, Omitted, Table
from rrn_tf.evaluation.experiments.sentences import counted, duration
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.evaluation.protocols import PROTOCOLS
from rrn_tf.features import Side

ORDER = 120
TITLE = "Length of a time step, accuracy and time of training"
SOURCE = "Wu et al., WSDM 2017, Table 3"

_NAME = "granularity"
_SECONDS = "seconds of training"


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Trains the model anew with each pair of granularities."""
    pairs = subject.options.granularities
    if not pairs:
        reason = "Nothing was trained with other time steps; --granularities names pairs of them, of users and items."
        return [Omitted(_NAME, TITLE, reason)]
    if subject.train is None:
        return [Omitted(_NAME, TITLE, "This run cannot be trained again, so --granularities has no effect.")]
    rows = []
    for user, item in pairs:
        result = subject.train({"data.user_granularity": user, "data.item_granularity": item})
        rows.append(_row(user, item, result.rmse, result.seconds))
    frame = pd.DataFrame(rows)
    formats = dict.fromkeys(_errors(frame), ".4f") | {_SECONDS: ".1f"}
    return [Table(_NAME, TITLE, _caption(subject, frame), frame, formats)]


def _row(user: int, item: int, rmse: Mapping[str, float], seconds: float) -> dict[str, Any]:
    found = {f"RMSE, {protocol}": rmse[protocol] for protocol in PROTOCOLS if protocol in rmse}
    return {"users' step": duration(user), "items' step": duration(item), **found, _SECONDS: seconds}


def _caption(subject: RatingSubject, frame: pd.DataFrame) -> str:
    metadata = subject.sequences.metadata
    steps = " / ".join(duration(metadata.granularity(side)) for side in (Side.USER, Side.ITEM))
    sentences = [
        (
            f"The model trained anew with {counted(len(frame), 'pair')} of lengths of a time step of users and of "
            f"items, everything else as in this run, whose own are {steps}. Short steps follow tastes closely, and "
            "take longer to train because there are more of them."
        )
    ]
    if len(frame) > 1:
        for column in _errors(frame):
            best, worst = frame.loc[frame[column].idxmin()], frame.loc[frame[column].idxmax()]
            protocol = column.removeprefix("RMSE, ")
            sentences.append(
                f"By the {protocol} protocol {_pair(best)} has the lowest RMSE ({best[column]:.4f}) and {_pair(worst)} "
                f"the highest ({worst[column]:.4f})."
            )
        fast, slow = frame.loc[frame[_SECONDS].idxmin()], frame.loc[frame[_SECONDS].idxmax()]
        sentences.append(
            f"{_pair(fast)} took {fast[_SECONDS]:.0f} seconds, {_pair(slow)} {slow[_SECONDS]:.0f}; seconds depend on "
            "what else the machine did."
        )
    sentences.append("Each was trained once, with the seed of this run: small differences may be those of the seed.")
    return " ".join(sentences)


def _errors(frame: pd.DataFrame) -> list[str]:
    return [str(column) for column in frame if str(column).startswith("RMSE")]


def _pair(row: pd.Series[Any]) -> str:
    steps = (row["users' step"], row["items' step"])
    return f"{steps[0]} / {steps[1]}"
