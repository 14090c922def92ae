"""`rrn update` of events: new ones move users' states, past and the counts of others; nothing is retrained.

An event is a user, an item and a second, and is taken in once, whoever gives it again, since a saved model holds all of
its events. So updates in pieces end where one of all pieces does. A late event, of before one that its user has had,
takes its place in order of time, and that user's state is rolled anew.
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
    """What an update did.

    Attributes:
      events: how many the model took in.
      duplicates: whose user, item and second it held already, or came before in the same events; left out.
      late: of `events`, those of before an event that their user had had.
      unknown_items: with items that training did not know, which a network alone can say nothing of; left out.
      new_users, new_items: without an event before.
      nll: the loss on `events`, each predicted before it was revealed, of ``known`` users, who had events, and of
        ``new`` ones, but the first of each: the mean over users of each one's mean, in nats, and how many; left out
        where there are none.
      last: the loss on the last of the new events of each known user, ``updated`` by those before it and ``frozen``,
        without them; None where there are none.
      seconds: ``{"predict", "roll"}``: of the predictions, and of all else.
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
    """Takes new events into a saved model.

    Args:
      base: the model, which stays as it is.
      events: in any order; at any time, of anybody. Those of one user and second are in their order.

    Returns:
      The updated network, to be exported, and what happened.

    Raises:
      ValueError: for a model that an earlier version saved without its events.
    """
    begin, held = time.perf_counter(), base.training_events()
    if not len(held.item):
        raise ValueError("expected a model that holds its events, found one of an earlier version: train it anew")
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
    return EventSnapshot(model, after, states, metrics, counts), report


def _losses(
    model: EventNetwork, roller: EventRoller, joined: EventSequences, held: EventSequences
) -> tuple[dict[str, dict[str, float]], dict[str, float] | None]:
    """What `EventUpdateReport` holds in `nll` and `last`, by the counts of held events, of all items."""
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
