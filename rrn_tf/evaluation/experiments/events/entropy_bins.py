"""Error by how varied a user's items are: users in three bins by the entropy of their training items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rrn_tf.evaluation.event_kinds import ENTROPY_BINS, Kinds, entropy_thirds
from rrn_tf.evaluation.event_metrics import training_entropy
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Omitted
from rrn_tf.evaluation.experiments.kinds_drawn import draw_nll_by_kind
from rrn_tf.evaluation.experiments.scored_events import (
    DIFFERENCE,
    DIFFERENCE_ERROR,
    KIND,
    MODEL,
    NOTHING_HELD_OUT,
    ScoredEvents,
    scored_events,
)
from rrn_tf.evaluation.experiments.sentences import established, listed, with_error
from rrn_tf.evaluation.experiments.subjects import EventSubject

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ORDER, TITLE = 30, "Error by how varied a user's items are"
SOURCE = "Ko, Maystre and Grossglauser, ACML 2016, figure of the error by difficulty of the sequence"
NAME, ENTROPY = "nll_by_entropy", "mean entropy"
_MODELS = 5  # lines in the figure, the network's included


def exhibits(subject: EventSubject) -> list[Exhibit]:
    """Returns the figure of the error by entropy."""
    held = scored_events(subject)
    if held is None:
        return [Omitted(NAME, TITLE, NOTHING_HELD_OUT)]
    thirds = entropy_thirds(held.sequences, held.positions)
    if len(np.unique(thirds.kind)) < len(ENTROPY_BINS):
        return [Omitted(NAME, TITLE, "There are fewer than three users with held-out events, so no three bins.")]
    frame = held.by_kind(thirds, [held.network, *held.rivals[: _MODELS - 1]])
    entropy = _mean_entropies(held, thirds)
    frame.insert(1, ENTROPY, frame[KIND].map(entropy))
    labels = {kind: f"{kind}\n({of:.2f} nats)" for kind, of in entropy.items()}

    def draw(canvas: Canvas) -> None:
        draw_nll_by_kind(canvas.subplots(), frame, labels, float(np.log(held.sequences.num_items)))

    return [Figure(NAME, TITLE, _caption(held, frame), frame, draw, (6.4, 4.2))]


def _mean_entropies(held: ScoredEvents, thirds: Kinds) -> dict[str, float]:
    """Returns the mean entropy of the users of each bin, in nats."""
    users, first = np.unique(held.user, return_index=True)
    third = thirds.kind[first]
    mean = np.bincount(third, training_entropy(held.sequences)[users]) / np.bincount(third)
    return dict(zip(ENTROPY_BINS, mean.tolist(), strict=True))


def _caption(held: ScoredEvents, frame: pd.DataFrame) -> str:
    own = frame[frame[MODEL] == held.network].set_index(KIND)
    low, high = own.loc[ENTROPY_BINS[0]], own.loc[ENTROPY_BINS[-1]]
    sentences = [
        (
            f"The users of {held.described()} in three bins of equal size, by the entropy of the items of their "
            "training events: low for users who keep to few items, high for those who spread evenly over many."
        ),
        f"The {held.network}'s NLL is {low['NLL']:.2f} nats in the lowest bin and {high['NLL']:.2f} in the highest.",
    ]
    if held.rivals:
        rival = frame[frame[MODEL] == held.rivals[0]].set_index(KIND)
        told = [
            f"{kind} {with_error(rival.at[kind, DIFFERENCE], rival.at[kind, DIFFERENCE_ERROR])}"
            for kind in ENTROPY_BINS
        ]
        sure = [
            kind for kind in ENTROPY_BINS if established(rival.at[kind, DIFFERENCE], rival.at[kind, DIFFERENCE_ERROR])
        ]
        where = "in no bin" if not sure else f"in {listed(sure)}" if len(sure) < len(told) else "in all three"
        sentences.append(
            f"Its strongest rival, {held.rivals[0]}, differs by {listed(told)}, which is established {where}."
        )
    return " ".join([*sentences, "Bars are one standard error over users to each side."])
