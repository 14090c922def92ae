"""Table 2 of the RRN paper: the RMSE of every model."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rrn_tf.evaluation.experiments.exhibits import Exhibit, Table
from rrn_tf.evaluation.experiments.held_out import HeldOut, held_out, nothing_held_out
from rrn_tf.evaluation.experiments.sentences import counted, established, listed
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.evaluation.leaderboard import LeaderboardRow, leaderboard
from rrn_tf.evaluation.protocols import FROZEN, STREAMING

ORDER = 20
TITLE = "RMSE of every model"
SOURCE = "Wu et al., WSDM 2017, Table 2"

_NAME = "rmse"
# Name and title of each table, its protocol, whether ratings of unseen users and items are in it, and what it is.
_TABLES = (
    (
        f"{_NAME}_frozen",
        "frozen",
        FROZEN,
        False,
        "no model has seen any rating after training (the frozen protocol)",
    ),
    (
        f"{_NAME}_streaming",
        "streaming",
        STREAMING,
        False,
        (
            "every model has seen the ratings that came before the one it predicts, without being trained again (the "
            "streaming protocol)"
        ),
    ),
    (
        f"{_NAME}_streaming_unseen",
        "streaming, unseen users and items included",
        STREAMING,
        True,
        "the streaming protocol again, with the ratings of users and items that training did not see",
    ),
)
_FORMATS = {
    "RMSE": ".4f",
    "standard error": ".4f",
    "difference": "+.4f",
    "its standard error": ".4f",
    "MAE": ".4f",
    "seconds": ".1f",
    "parameters": ",",
}


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Compares all models under each protocol."""
    found: list[Exhibit] = []
    seen: dict[str, int] = {}
    for name, label, protocol, unseen, meaning in _TABLES:
        of = held_out(subject, protocol, unseen=unseen)
        if of is None or seen.get(protocol) == len(of.ratings):
            continue
        seen[protocol] = len(of.ratings)
        found.append(_table(name, label, of, meaning))
    return found or [nothing_held_out(_NAME, TITLE)]


def _table(name: str, label: str, of: HeldOut, meaning: str) -> Table:
    rows = leaderboard(of.ratings, of.models)
    frame = pd.DataFrame(
        {
            "model": [row.model for row in rows],
            "RMSE": [row.rmse for row in rows],
            "standard error": [row.standard_error for row in rows],
            "difference": [row.difference for row in rows],
            "its standard error": [row.difference_standard_error for row in rows],
            "established": [_word(row) for row in rows],
            "MAE": [row.mae for row in rows],
            "seconds": [row.seconds for row in rows],
            "parameters": [row.parameters for row in rows],
        }
    )
    caption = (
        f"Errors on {of.called}, the best model first; {meaning}. The difference is a model's RMSE less that of the "
        f"{of.rrn}, on the same ratings, so that models above 0 are worse than the {of.rrn}. {verdict(rows)} Standard "
        f"errors treat users as the sampling unit; seconds are those of fitting.{of.caution}"
    )
    return Table(name, f"{TITLE}: {label}", caption, frame, _FORMATS)


def verdict(rows: Sequence[LeaderboardRow]) -> str:
    """Returns a sentence that says which differences to the reference model are beyond two standard errors.

    Args:
      rows: the rows of a leaderboard.
    """
    reference = next(row.model for row in rows if row.difference is None)
    differences = [(row.model, row.difference, _established(row)) for row in rows if row.difference is not None]
    if not differences:
        return f"There is no other model to compare the {reference} with."
    better = [model for model, difference, sure in differences if sure and difference > 0]
    worse = [model for model, difference, sure in differences if sure and difference < 0]
    undecided = [model for model, _, sure in differences if not sure]
    known = [
        f"the {reference} is {word} than {listed(models)}"
        for word, models in (("better", better), ("worse", worse))
        if models
    ]
    if not known:
        return f"No difference to the {reference} is beyond two standard errors, so none is established."
    rest = (
        f"whether it is better or worse than {listed(undecided)} is not established"
        if undecided
        else f"all {counted(len(differences), 'difference')} are established"
    )
    return f"Beyond two standard errors, {' and '.join(known)}; {rest}."


def _established(row: LeaderboardRow) -> bool:
    return row.difference is not None and established(row.difference, row.difference_standard_error)


def _word(row: LeaderboardRow) -> str:
    return "" if row.difference is None else "yes" if _established(row) else "no"
