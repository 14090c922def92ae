"""`rrn update` of events: new events update users' states, stored events and counts, without retraining.

An event is a user, an item and a second, and is used once, even if it is given again, since a saved model stores all of
its events. Several updates therefore give the same result as one with all of their events. A late event, which is
before another event of its user, is inserted in order of time, and that user's state is computed anew.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rrn_tf.data.arrays import take_rows
from rrn_tf.data.event_context import with_context
from rrn_tf.data.events import EventSequences
from rrn_tf.data.later_events import (
    NamedEvents,
    among,
    as_training,
    before_last,
    first_of_each,
    join,
    known_items,
    number,
)
from rrn_tf.data.shared_counts import SharedCounts
from rrn_tf.evaluation.event_protocols import CLEAN
from rrn_tf.features import Split
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.states.event_snapshot import EventSnapshot
from rrn_tf.states.event_states import EventNetwork, EventRoller


@dataclass(frozen=True)
class EventUpdateReport:
    """The counts, losses and times of an update.

    Attributes:
      events: number of events that updated the model.
      duplicates: number of dropped events with the user, item and second of an earlier one.
      late: number of `events` before another event that their user already had.
      unknown_items: number of dropped events with items unknown to a network without a mixture.
      new_users, new_items: numbers of users and items without earlier events.
      nll: loss on `events`, each predicted before it is observed, of ``known`` users, who had events, and of ``new``
        users, without the first event of each: the mean over users of each one's mean, in nats, and the counts; groups
        without events are left out.
      last: loss on the last new event of each known user, ``updated`` by the new events before it, and ``frozen``,
        without these; None without events.
      seconds: time of the predictions, ``predict``, of computing states, ``roll``, and of the rest, ``load``.
    """

    events: int
    duplicates: int
    late: int
    unknown_items: int
    new_users: int
    new_items: int
    nll: dict[str, dict[str, float]]
    last: dict[str, float] | None
    seconds: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def update_events(base: SavedCollaborativeRNN, events: NamedEvents) -> tuple[EventSnapshot, EventUpdateReport]:
    """Updates a saved model by new events.

    Args:
      base: the saved model, which is not changed.
      events: the events, in any order and of any time, user and item; those of one user and second keep their order.

    Returns:
      The updated network, which can be exported, and a report.

    Raises:
      ValueError: for a model that an earlier version saved without its events.
    """
    begin, held = time.perf_counter(), base.training_events()
    if not len(held.item):
        raise ValueError("expected a model with stored events, found one of an earlier version: train it again")
    known = np.ones(len(events.timestamp), bool) if base.is_mixture else known_items(held, events.item_id)
    extended, later = number(held, take_rows(events, known))
    fresh = ~among(extended, later) & first_of_each(later)
    later = take_rows(later, fresh)
    new_users, new_items = extended.num_users - held.num_users, extended.num_items - held.num_items
    model = base.load_network(new_users, new_items)
    roller = EventRoller(model)
    joined = join(extended, later, new_users)
    seconds = {"load": time.perf_counter() - begin}

    begin = time.perf_counter()
    nll, last = _losses(model, roller, joined, replace(held, item_ids=extended.item_ids))
    seconds["predict"] = time.perf_counter() - begin

    begin = time.perf_counter()
    after, late = as_training(joined), before_last(extended, later)
    states = np.pad(base.states, ((0, new_users), (0, 0)))
    rolled_anew = np.zeros(len(states), bool)
    rolled_anew[later.user[late]] = True
    states[rolled_anew] = 0
    moving = rolled_anew[joined.user] | (joined.split != Split.TRAIN)
    states = roller.states(as_training(joined.taken(moving)), start=states)
    counts = SharedCounts(after) if isinstance(model, CollaborativeMixture) else None
    seconds["roll"] = time.perf_counter() - begin
    report = EventUpdateReport(
        events=len(later.user),
        duplicates=int((~fresh).sum()),
        late=int(late.sum()),
        unknown_items=int((~known).sum()),
        new_users=new_users,
        new_items=new_items,
        nll=nll,
        last=last,
        seconds={name: round(value, 3) for name, value in seconds.items()},
    )
    metrics = {f"new events of {users} users": {CLEAN: figures} for users, figures in nll.items()}
    held_out = base.held_out_events().enlarged(new_users)
    return EventSnapshot(model, after, states, metrics, counts, held_out=held_out), report


def _losses(
    model: EventNetwork, roller: EventRoller, joined: EventSequences, held: EventSequences
) -> tuple[dict[str, dict[str, float]], dict[str, float] | None]:
    """Computes `nll` and `last` of `EventUpdateReport`, with the counts of the events stored before the update."""
    counts = SharedCounts(held) if isinstance(model, CollaborativeMixture) else None

    def loss(events: EventSequences, split: Split) -> dict[str, float]:
        if counts and isinstance(model, CollaborativeMixture):
            events = with_context(events, counts, model.window, clock=model.settings["clock"], splits=[split])
        return roller.score(events, split)

    found = {"known": loss(joined, Split.TEST), "new": loss(joined, Split.TEST_COLD)}
    nll = {users: figures for users, figures in found.items() if figures["n"]}
    if "known" not in nll:
        return nll, None
    of_known = joined.split == Split.TEST
    last = of_known & np.append(joined.user[1:] != joined.user[:-1], True)
    others_apart = np.where(of_known & ~last, np.uint8(Split.VALID), joined.split)
    updated = loss(replace(joined, split=others_apart), Split.TEST)
    frozen = loss(joined.taken(last | (joined.split == Split.TRAIN)), Split.TEST)
    return nll, {"updated": updated["nll"], "frozen": frozen["nll"], "n": updated["n"]}
