"""Messages about the events that the rules left out; each names the setting that decides."""

from __future__ import annotations

from collections.abc import Iterable

from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.data import event_rules as rules
from rrn_tf.data.metadata import EventMetadata

_MANY = 0.1  # fraction of users above which their loss gets a message of its own
_SETTINGS = {
    rules.ITEM_EVENTS: "min_item_events",
    rules.USER_EVENTS: "min_user_events",
    rules.USER_ENTROPY: "min_user_entropy",
}


def causes(applied: Iterable[str], config: EventDataConfig) -> dict[str, str]:
    """Returns the cause of what each rule left out: the setting that decides with its value, or what is missing.

    Args:
      applied: the rules that were applied, as keys of `EventMetadata.dropped`.
      config: the settings of the preparation.
    """
    applied = list(applied)
    given_apart = rules.UNTRAINED_USER in applied
    reasons = {
        rules.UNTRAINED_USER: "users without training events",
        rules.NOT_LATER: "times that are not later than the user's training events",
        rules.UNTRAINED_ITEM: "items without training events"
        + ("" if given_apart else f", held out by data.holdout={config.holdout:g},"),
    }
    settings = {rule: f"data.{name}={getattr(config, name):g}" for rule, name in _SETTINGS.items()}
    return {rule: (settings | reasons)[rule] for rule in applied}


def lines_of_dropped(metadata: EventMetadata) -> list[str]:
    """Returns a message for each rule that left out events, and one more if the entropy rule left out many users."""
    why = causes(metadata.dropped, metadata.config)
    lines = []
    for rule, events in metadata.dropped.items():
        kinds = {"item": metadata.dropped_items, "user": metadata.dropped_users}
        counts = {name: of.get(rule, 0) for name, of in kinds.items()} | {"event": events}
        if left_out := [_counted(number, name) for name, number in counts.items() if number]:
            lines.append(f"{why[rule]} dropped {', '.join(left_out)}")
    lost = metadata.dropped_users.get(rules.USER_ENTROPY, 0)
    before = metadata.users + lost
    if metadata.config.min_user_entropy > 0 and lost > _MANY * before:
        lines.append(
            f"data.min_user_entropy={metadata.config.min_user_entropy:g} left out {lost:,} of {before:,} users "
            f"({100 * lost / before:.0f} %), those with few different items; "
            "data.min_user_entropy=0 keeps all with at least two"
        )
    return lines


def _counted(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
