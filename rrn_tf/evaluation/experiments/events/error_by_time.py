"""How predictions age: error by the time since a user's training events ended, and since the user's last event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rrn_tf.data.own_items import OwnItems
from rrn_tf.evaluation.event_kinds import Kinds, gaps_of
from rrn_tf.evaluation.experiments.drawing import Series, draw_series
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Omitted
from rrn_tf.evaluation.experiments.kinds_drawn import draw_nll_by_kind
from rrn_tf.evaluation.experiments.scored_events import (
    ERROR,
    EVENTS,
    KIND,
    MODEL,
    NOTHING_HELD_OUT,
    ScoredEvents,
    scored_events,
)
from rrn_tf.evaluation.experiments.sentences import established, with_error
from rrn_tf.evaluation.experiments.subjects import EventSubject
from rrn_tf.evaluation.experiments.time_since import spans_since
from rrn_tf.features import Split

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ORDER, TITLE, SOURCE = 60, "Error by time since training and since the last event", ""
SINCE_TRAINING, SINCE_LAST = "nll_since_training", "nll_since_last_event"
TITLES = {
    SINCE_TRAINING: "Error by time since the user's last training event",
    SINCE_LAST: "Error by time since the user's last event",
}
REPEATS = "repeats"


def exhibits(subject: EventSubject) -> list[Exhibit]:
    """Returns a figure for each of the two times."""
    held = scored_events(subject)
    if held is None:
        return [Omitted(name, title, NOTHING_HELD_OUT) for name, title in TITLES.items()]
    return [_since_training(held), _since_last(held)]


def _since_training(held: ScoredEvents) -> Exhibit:
    name = SINCE_TRAINING
    training = held.sequences.counts([Split.TRAIN])
    if not training[held.user].all():
        return Omitted(name, TITLES[name], "Some users have held-out events but no training event to count from.")
    last = held.sequences.timestamp[held.sequences.user_splits[held.user] + training[held.user] - 1]
    span, days = spans_since(held.sequences.timestamp[held.positions] - last, 0)
    names = [f"{low:.1f} to {high:.1f} days" for low, high in zip(days["from day"], days["to day"], strict=True)]
    # Spans may have one name after rounding, so their numbers tell them apart.
    kinds = Kinds([f"{number}: {of}" for number, of in enumerate(names, start=1)], span)
    frame = held.by_kind(kinds, held.chosen)
    frame[REPEATS] = frame[KIND].map(_repeats(held, kinds))
    for number, column in enumerate(days.columns, start=1):
        frame.insert(number, column, np.tile(days[column], len(held.chosen)))

    def draw(canvas: Canvas) -> None:
        groups = frame.groupby(MODEL, sort=False)
        series = [Series(model, of["middle day"], of["NLL"], of[ERROR]) for model, of in groups]
        axes = canvas.subplots()
        draw_series(axes, series, "days since the user's last training event", "NLL in nats (lower is better)")

    caption = (
        f"The NLL of {held.described()}, in spans of about equally many events, by how long after the last training "
        f"event of their user they are. {_ends(held, frame, 'span')} {_shares(frame)}"
    )
    return Figure(name, TITLES[name], caption, frame, draw)


def _since_last(held: ScoredEvents) -> Exhibit:
    kinds = gaps_of(held.sequences, held.positions)
    frame = held.by_kind(kinds, held.chosen)
    frame[REPEATS] = frame[KIND].map(_repeats(held, kinds))

    def draw(canvas: Canvas) -> None:
        own = frame[frame[MODEL] == held.network]
        labels = {kind: f"{kind}\n({of:,} events)" for kind, of in zip(own[KIND], own[EVENTS], strict=True)}
        draw_nll_by_kind(canvas.subplots(), frame, labels)

    caption = (
        f"The NLL of {held.described()} by the time since the event before, of the same user. "
        f"{_ends(held, frame, 'gap')} {_shares(frame)}"
    )
    return Figure(SINCE_LAST, TITLES[SINCE_LAST], caption, frame, draw)


def _repeats(held: ScoredEvents, kinds: Kinds) -> dict[str, float]:
    """Returns the share of repeats among the events of each kind that occurs."""
    repeated = OwnItems(held.sequences).repeated[held.positions]
    count = np.bincount(kinds.kind, minlength=len(kinds.names))
    share = np.bincount(kinds.kind, repeated, len(kinds.names)) / np.maximum(count, 1)
    return {name: of for name, of, some in zip(kinds.names, share.tolist(), count, strict=True) if some}


def _ends(held: ScoredEvents, frame: pd.DataFrame, what: str) -> str:
    """Returns a sentence about the first and the last kind, and one about the rival."""
    own = frame[frame[MODEL] == held.network]
    first, last = own.iloc[0], own.iloc[-1]
    names = [of[KIND].rpartition(": ")[2] for of in (first, last)]
    if len(own) == 1:
        return f"All fall into one {what}: {names[0]}."
    told = [
        f"{with_error(of['NLL'], of[ERROR], '.2f')} ({name})" for of, name in zip((first, last), names, strict=True)
    ]
    sentence = f"The {held.network}'s goes from {told[0]} to {told[1]}."
    if held.rivals:
        rival = frame[frame[MODEL] == held.rivals[0]]
        sure = [established(*of) for of in zip(rival["difference"], rival["s.e. of difference"], strict=True)]
        better = int((np.array(sure) & (rival["difference"] > 0)).sum())
        sentence += (
            f" In {better} of {len(rival)} it is below that of its strongest rival, {held.rivals[0]}, by more than two "
            "standard errors."
        )
    return sentence


def _shares(frame: pd.DataFrame) -> str:
    share = frame[REPEATS]
    if share.min() == share.max():
        return f"Repeats of an own item are {share.max():.0%} of the events of each point."
    return (
        f"Repeats of an own item are between {share.min():.0%} and {share.max():.0%} of a point's events, which "
        "explains a part of the differences. Bars are one standard error over users to each side."
    )
