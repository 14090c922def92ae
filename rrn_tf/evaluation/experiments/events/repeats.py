"""Where the next item comes from: what share of events repeats an own item, and how well each kind is foreseen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rrn_tf.data.event_scores import positions_of
from rrn_tf.evaluation.event_kinds import NEXT_ITEM_KINDS, Kinds, next_item_kinds
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Omitted, Table
from rrn_tf.evaluation.experiments.kinds_drawn import draw_nll_by_kind
from rrn_tf.evaluation.experiments.scored_events import (
    DIFFERENCE,
    DIFFERENCE_ERROR,
    EVENTS,
    KIND,
    MODEL,
    NOTHING_HELD_OUT,
    ScoredEvents,
    formats_of,
    scored_events,
)
from rrn_tf.evaluation.experiments.sentences import established, listed, with_error
from rrn_tf.evaluation.experiments.subjects import EventSubject
from rrn_tf.features import Split

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ORDER, TITLE, SOURCE = 40, "Where the next item comes from", ""
WORDS = dict(
    zip(
        NEXT_ITEM_KINDS,
        (
            "repeat the user's last item",
            "return to an earlier item of the user",
            "come with an item that is new to the user",
            "come with an item that was never met in training",
        ),
        strict=True,
    )
)
NAME, SHARE, TRAIN_SHARE = "next_item_kinds", "share", "share in training"
_BARS = ({"hatch": "//"}, {"hatch": ""})


def exhibits(subject: EventSubject) -> list[Exhibit]:
    """Returns a table and a figure of the kinds of next items."""
    held = scored_events(subject)
    if held is None:
        return [Omitted(NAME, TITLE, NOTHING_HELD_OUT)]
    kinds = next_item_kinds(held.sequences, held.positions)
    trained = next_item_kinds(held.sequences, _not_first(held))
    frame = held.by_kind(kinds, held.chosen)
    frame.insert(2, SHARE, frame[EVENTS] / len(held.positions))
    frame.insert(3, TRAIN_SHARE, frame[KIND].map(_shares(trained)).fillna(0.0))
    caption = _caption(held, frame, subject)
    table = Table(NAME, TITLE, caption, frame, formats_of(frame, {SHARE: ".1%", TRAIN_SHARE: ".1%"}))
    return [table, _figure(held, frame)]


def _not_first(held: ScoredEvents) -> np.ndarray:
    """Returns the positions of the training events but for each user's first, which cannot be a repeat."""
    positions = positions_of(held.sequences, [Split.TRAIN])
    return positions[positions > held.sequences.user_splits[held.sequences.user[positions]]]


def _shares(kinds: Kinds) -> dict[str, float]:
    counts = np.bincount(kinds.kind, minlength=len(kinds.names))
    return dict(zip(kinds.names, (counts / max(counts.sum(), 1)).tolist(), strict=True))


def _caption(held: ScoredEvents, frame: pd.DataFrame, subject: EventSubject) -> str:
    own = frame[frame[MODEL] == held.network].set_index(KIND)
    parts = [
        f"{row[SHARE]:.1%} {WORDS[str(kind)]} (NLL {row['NLL']:.2f} nats, {row['hit@10']:.1%} among the first ten)"
        for kind, row in own.iterrows()
    ]
    sentences = [
        f"Of {held.described()}, {listed(parts)}. So well does the {held.network} foresee them.",
        (
            "NLL and hit@10 are means over each user's events of the kind, then over users; the share in training "
            "leaves out each user's first event, which cannot be a repeat."
        ),
    ]
    if held.rivals:
        rival = frame[frame[MODEL] == held.rivals[0]]
        told = [
            f"{with_error(row[DIFFERENCE], row[DIFFERENCE_ERROR])} where they {WORDS[row[KIND]]}"
            + ("" if established(row[DIFFERENCE], row[DIFFERENCE_ERROR]) else " (not established)")
            for _, row in rival.iterrows()
        ]
        sentences.append(
            f"The NLL of its strongest rival, {held.rivals[0]}, less its own on the same events is {listed(told)}."
        )
    if dropped := subject.metrics.get("dropped", {}).get("untrained_item", 0):
        sentences.append(
            f"Events with an item that was never met in training are not scored: there were {dropped:,} in all."
        )
    return " ".join(sentences)


def _figure(held: ScoredEvents, frame: pd.DataFrame) -> Figure:
    own = frame[frame[MODEL] == held.network]
    labels = {kind: kind.replace(" item", "\nitem").replace("to the", "to\nthe") for kind in own[KIND]}

    def draw(canvas: Canvas) -> None:
        shares, errors = canvas.subplots(1, 2)
        at = np.arange(len(own))
        for by, name, label, style in zip(
            (-0.2, 0.2), (TRAIN_SHARE, SHARE), ("in training", "held out"), _BARS, strict=True
        ):
            shares.bar(at + by, 100 * own[name], 0.38, label=label, edgecolor="black", **style)
        shares.set_xticks(at, [*labels.values()])
        shares.set_ylabel("share of events in %")
        shares.legend()
        draw_nll_by_kind(errors, frame, labels, float(np.log(held.sequences.num_items)))

    shown = listed([f"{share:.1%} {kind}" for kind, share in zip(own[KIND], own[SHARE], strict=True)])
    caption = (
        f"Left, the kinds of next items, in training and among {held.described()}: {shown} (held out). Right, the NLL "
        f"of each kind, by {' and by '.join(held.chosen)}, with one standard error over users to each side: "
        f"{_gap(own)}."
    )
    return Figure(f"{NAME}_drawn", "Kinds of next items, and how well each is foreseen", caption, frame, draw, (8, 3.8))


def _gap(own: pd.DataFrame) -> str:
    lines = own.set_index(KIND)["NLL"]
    low, high = (f"{lines[kind]:.2f} ({kind})" for kind in (lines.idxmin(), lines.idxmax()))
    return f"that of the network goes from {low} to {high} nats"
