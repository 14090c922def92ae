"""What the model cannot do: rows that were left out and why, and events that it does not foresee."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.config import config_from_dict
from rrn_tf.data import event_rules as rules
from rrn_tf.data.dropped import causes
from rrn_tf.evaluation.event_protocols import INTERLEAVED
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Omitted, Table
from rrn_tf.evaluation.experiments.scored_events import EVENTS, NOTHING_HELD_OUT, USERS, ScoredEvents, scored_events
from rrn_tf.evaluation.experiments.sentences import counted
from rrn_tf.evaluation.experiments.subjects import EventSubject

ORDER, TITLE, SOURCE = 80, "What the model cannot do, and rows left out", ""
LEFT_OUT, LIMITS = "left_out", "limits"
TITLES = {LEFT_OUT: "Rows that were left out, and why", LIMITS: "What the model does not foresee"}
CAUSE, ITEMS, HELP, WHAT, SHARE = "cause", "items", "what helps", "what", "share"
_HELP = {
    rules.ITEM_EVENTS: "a lower value keeps items with fewer events, of which less can be learnt",
    rules.USER_EVENTS: "a lower value keeps users with fewer events, of whom less can be learnt",
    rules.USER_ENTROPY: "0 keeps all users with two different items or more",
    rules.UNTRAINED_ITEM: "training anew once the item has training events",
    rules.UNTRAINED_USER: "training events of these users",
    rules.NOT_LATER: "giving events that are later than the training events",
}


def exhibits(subject: EventSubject) -> list[Exhibit]:
    """Returns the two tables."""
    held = scored_events(subject)
    limits = Omitted(LIMITS, TITLES[LIMITS], NOTHING_HELD_OUT) if held is None else _limits(subject, held)
    return [_left_out(subject), limits]


def _left_out(subject: EventSubject) -> Exhibit:
    metrics = subject.metrics
    if "dropped" not in metrics:
        reason = "The run has no metrics.json, which counts the rows that were left out."
        return Omitted(LEFT_OUT, TITLES[LEFT_OUT], reason)
    dropped = metrics["dropped"]
    why = causes(dropped, config_from_dict(dict(subject.config.get("data", {})), EventDataConfig))
    rows: list[dict[str, Any]] = [
        {CAUSE: f"row that cannot be read: {reason}", EVENTS: number, HELP: "dead_letters.jsonl names each row"}
        for reason, number in metrics.get("rejected", {}).items()
    ]
    rows += [
        {
            CAUSE: why[rule].rstrip(","),
            EVENTS: number,
            USERS: metrics.get("dropped_users", {}).get(rule, 0),
            ITEMS: metrics.get("dropped_items", {}).get(rule, 0),
            HELP: _HELP[rule],
        }
        for rule, number in dropped.items()
    ]
    frame = pd.DataFrame(rows, columns=[CAUSE, EVENTS, USERS, ITEMS, HELP]).fillna({USERS: 0, ITEMS: 0})
    frame = frame.astype({EVENTS: np.int64, USERS: np.int64, ITEMS: np.int64})
    caption = _caption(metrics, frame, subject.sequences.num_users)
    return Table(LEFT_OUT, TITLES[LEFT_OUT], caption, frame, dict.fromkeys((EVENTS, USERS, ITEMS), ",d"))


def _caption(metrics: Mapping[str, Any], frame: pd.DataFrame, kept_users: int) -> str:
    total = int(frame[EVENTS].sum())
    kept = sum(metrics.get("events", {}).values())
    if not total:
        return f"All {counted(kept, 'row')} of the input were used: no rule left anything out."
    sentences = [
        (
            f"Of {counted(total + kept, 'row')}, {total:,} ({total / (total + kept):.1%}) were left out before "
            "training, by rules that apply in the order of the rows; users and items are counted where they lost all "
            "of their events. The model knows nothing of what was left out, and no figure counts it."
        )
    ]
    most = frame.loc[frame[EVENTS].idxmax()]
    sentences.append(f"The largest part is due to {most[CAUSE]}: {counted(int(most[EVENTS]), 'event')}.")
    if lost := int(frame[USERS].sum()):
        sentences.append(
            f"{counted(lost, 'user')} of {lost + kept_users:,} ({lost / (lost + kept_users):.0%}) lost all events."
        )
    return " ".join(sentences)


def _limits(subject: EventSubject, held: ScoredEvents) -> Table:
    network = held.models[held.network]
    uniform = -np.log(held.sequences.num_items)
    scored = subject.scores.get(INTERLEAVED)
    rows = {
        "less probable than if all items were equally likely": int((network.log_probability < uniform - 1e-6).sum()),
        "not among the ten most probable items": int((network.rank > 10).sum()),
    }
    if scored is not None:
        first = ~np.isin(held.positions, scored.positions)
        rows["the first held-out event of its user, which protocol interleaved leaves out"] = int(first.sum())
    frame = pd.DataFrame({WHAT: rows.keys(), EVENTS: rows.values()})
    frame[SHARE] = frame[EVENTS] / len(held.positions)
    worse, missed = frame[SHARE].iloc[:2]
    caption = (
        f"Of {held.described()}, {worse:.1%} come with an item that the {held.network} finds less probable than a "
        f"model to which all items are alike, and {missed:.1%} with one that is not among its ten most probable. It "
        "cannot foresee an item without training events, which has no probability before the model is trained anew; of "
        "a user without events it knows nothing but what others do. It says which item comes next, not when, and not "
        "whether the user likes it."
    )
    return Table(LIMITS, TITLES[LIMITS], caption, frame, {EVENTS: ",d", SHARE: ".1%"})
