"""The network beside its baselines: likelihood and ranks of the held-out events, by protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rrn_tf.evaluation.event_leaderboard import EventLeaderboardRow, event_leaderboard
from rrn_tf.evaluation.event_protocols import CLEAN, EVENT_PROTOCOLS
from rrn_tf.evaluation.experiments.drawing import ink
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Omitted, Table
from rrn_tf.evaluation.experiments.scored_events import (
    DIFFERENCE,
    DIFFERENCE_ERROR,
    ERROR,
    MODEL,
    NOTHING_HELD_OUT,
    ScoredEvents,
    formats_of,
    scored_events,
)
from rrn_tf.evaluation.experiments.sentences import counted, with_error
from rrn_tf.evaluation.experiments.subjects import EventSubject
from rrn_tf.evaluation.findings import verdict
from rrn_tf.features import Split

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ORDER, TITLE = 20, "The network and its baselines"
SOURCE = "Ko, Maystre and Grossglauser, ACML 2016, tables of the variants and of the baselines"
_PROTOCOLS = {
    CLEAN: "every held-out event is scored, from all earlier events of its user",
    "interleaved": "the first held-out event of each user is not scored, as in the program of the paper's authors",
}
_FORMS = ("C-GRU", "P-GRU", "C-tanh")
_DRAWN = 8  # most rivals in the figure


def exhibits(subject: EventSubject) -> list[Exhibit]:
    """Returns a table for each protocol, and a figure of the differences under the first."""
    found: list[Exhibit] = []
    for protocol in EVENT_PROTOCOLS:
        name, title = f"models_{protocol}", f"All models on the held-out events, protocol {protocol}"
        held = scored_events(subject, protocol)
        if held is None:
            found.append(Omitted(name, title, NOTHING_HELD_OUT))
            continue
        rows = event_leaderboard(held.sequences, held.positions, held.models)
        frame = _frame(rows)
        caption = _caption(held, rows, protocol)
        formats = formats_of(frame, {"seconds of training": ",.1f", "parameters": ",d"})
        found.append(Table(name, title, caption, frame, formats))
        if protocol == CLEAN and held.rivals:
            found.append(_figure(held, frame))
    return found


def _frame(rows: Sequence[EventLeaderboardRow]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            MODEL: [row.model for row in rows],
            "NLL": [row.nll for row in rows],
            ERROR: [row.standard_error for row in rows],
            DIFFERENCE: np.array([row.difference for row in rows], np.float64),
            DIFFERENCE_ERROR: np.array([row.difference_standard_error for row in rows], np.float64),
            "hit@10": [row.hit for row in rows],
            "MRR": [row.mrr for row in rows],
            "NDCG@10": [row.ndcg for row in rows],
            "seconds of training": np.array([row.seconds for row in rows], np.float64),
            "parameters": [row.parameters for row in rows],
        }
    )


def _caption(held: ScoredEvents, rows: Sequence[EventLeaderboardRow], protocol: str) -> str:
    sentences = [f"{held.described()}; {_PROTOCOLS[protocol]}. The {held.network} is the model of this run."]
    if protocol == CLEAN:
        sentences.append(
            "NLL is the negative log-likelihood of the item that came, in nats; lower is better. For the other "
            "figures, higher is better: the share of events whose item is among the ten most probable (hit@10), the "
            "mean of 1 / rank (MRR), and hits that count less further down (NDCG@10). All are means over each user's "
            "events, then over users, with standard errors (s.e.) over users."
        )
    if held.split is Split.VALID:
        sentences.append("There are no test events, and validation events chose epochs and options: figures flatter.")
    if held.rivals:
        sentences.append(f"The difference is the NLL of a model less that of the {held.network} on the same events.")
        sentences.append(verdict(rows))
    if protocol == CLEAN and (forms := [form for form in _FORMS if form not in held.models]):
        sentences.append(
            f"A report trains none of the paper's networks that are missing here ({', '.join(forms)}); "
            "`rrn baselines --model crnn --run DIR --all` does, and compares all models."
        )
    return " ".join(sentences)


def _figure(held: ScoredEvents, frame: pd.DataFrame) -> Figure:
    rivals = frame[frame[MODEL] != held.network]
    drawn = rivals.loc[rivals[DIFFERENCE].abs().sort_values(kind="stable").index[:_DRAWN]].sort_values(DIFFERENCE)
    drawn = drawn[[MODEL, DIFFERENCE, DIFFERENCE_ERROR]].reset_index(drop=True)

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        error: Any = np.nan_to_num(2 * drawn[DIFFERENCE_ERROR])
        axes.errorbar(drawn[DIFFERENCE], drawn.index, xerr=error, marker="o", linestyle="none", capsize=3)
        axes.set_yticks(drawn.index, drawn[MODEL])
        axes.set_ylim(len(drawn) - 0.5, -0.5)
        axes.axvline(0, color=ink(axes), linewidth=0.8)
        axes.set_xlabel(f"NLL less that of the {held.network}, in nats (right of 0: worse)")

    left = len(rivals) - len(drawn)
    caption = (
        f"How much worse (right of the line) or better (left of it) than the {held.network} each model foresees "
        f"{held.described()}, protocol clean. Bars are two standard errors to each side; a bar that does not reach the "
        f"line shows an established difference. The closest is {_closest(drawn)}."
    )
    if left:
        caption += f" {counted(left, 'model')} further away {'stands' if left == 1 else 'stand'} in the table alone."
    size = (6.4, 1.2 + 0.32 * len(drawn))
    return Figure("models_differences", f"Differences from the {held.network}", caption, drawn, draw, size)


def _closest(drawn: pd.DataFrame) -> str:
    row = drawn.loc[drawn[DIFFERENCE].abs().idxmin()]
    return f"{row[MODEL]} ({with_error(row[DIFFERENCE], row[DIFFERENCE_ERROR])})"
