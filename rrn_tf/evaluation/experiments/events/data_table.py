"""The data table: users, items and events by split, their time, and how many of them are repeats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rrn_tf.data.event_context import repeats
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Table
from rrn_tf.evaluation.experiments.sentences import counted, day
from rrn_tf.evaluation.experiments.subjects import EventSubject
from rrn_tf.features import Split

ORDER, TITLE, SOURCE = 10, "The events", "Ko, Maystre and Grossglauser, ACML 2016, table of the data sets"
_SPLITS = {"training": Split.TRAIN, "validation": Split.VALID, "test": Split.TEST}


def exhibits(subject: EventSubject) -> list[Exhibit]:
    """Returns the table of the data."""
    sequences = subject.sequences
    repeated = repeats(sequences, len(sequences.item))
    parts = {name: sequences.split == split for name, split in _SPLITS.items() if sequences.has(split)}

    def row(name: str, inside: np.ndarray) -> dict[str, Any]:
        of_user = np.bincount(sequences.user[inside])
        of_user = of_user[of_user > 0]
        time = sequences.timestamp[inside]
        return {
            "split": name,
            "events": int(inside.sum()),
            "users": len(of_user),
            "items": len(np.unique(sequences.item[inside])),
            "first day": day(time.min()),
            "last day": day(time.max()),
            "events a user, least": int(of_user.min()),
            "median": float(np.median(of_user)),
            "most": int(of_user.max()),
            "repeats": float(repeated[inside].mean()),
        }

    rows = [row(name, inside) for name, inside in parts.items()]
    if len(rows) > 1:
        rows.append(row("all", np.ones(len(sequences.item), np.bool_)))
    frame = pd.DataFrame(rows)
    formats = dict.fromkeys(("events", "users", "items", "events a user, least", "most"), ",d")
    formats |= {"median": "g", "repeats": ".1%"}
    return [Table("events", "Users, items and events of each split", _caption(subject, frame), frame, formats)]


def _caption(subject: EventSubject, frame: pd.DataFrame) -> str:
    users, items = subject.sequences.num_users, subject.sequences.num_items
    whole, last = frame.iloc[-1], frame.iloc[-2 if len(frame) > 1 else -1]
    sentences = [
        (
            "The last events of each user are held out: the model learns from the training events of "
            f"{counted(users, 'user')} with {counted(items, 'item')}, and is scored on the others."
        ),
        (
            f"A repeat is an event with an item that its user has met before; {last['repeats']:.1%} of the "
            f"{last['split']} events are repeats."
        ),
        f"The events lie between {whole['first day']} and {whole['last day']}.",
        (
            f"A model that finds all items equally likely has a negative log-likelihood (NLL) of ln({items:,}) = "
            f"{np.log(items):.2f} nats, from which any gain is counted."
        ),
    ]
    if dropped := sum(subject.metrics.get("dropped", {}).values()):
        sentences.append(
            f"Rules of the preparation left out {counted(dropped, 'further event')}; the last part says why."
        )
    return " ".join(sentences)
