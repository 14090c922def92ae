"""The rules on events by loops and dictionaries: slow, obvious, and independent of rrn_tf."""

import math
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal

TRAIN, VALID, TEST = 0, 1, 2


RULES = ("item_events", "user_events", "user_entropy")


def reference_events(rows, config):
    """What is left of events.

    Args:
      rows: list of (user_id, item_id, timestamp) in the order in which they were read.
      config: EventDataConfig.

    Returns:
      A list of (user_id, [(item_id, timestamp, split), ...]) by user; user ids; item ids; events dropped by rule.
    """
    kept, dropped, _, _ = kept_events(rows, config)
    left = {
        user: [(item, time, split) for (_, item, time), split in zip(own, splits(len(own), config), strict=True)]
        for user, own in kept.items()
    }
    trained = {item for events in left.values() for item, _, split in events if split == TRAIN}
    dropped["untrained_item"], sequences = 0, []
    for user, events in left.items():
        known = [event for event in events if event[0] in trained]
        dropped["untrained_item"] += len(events) - len(known)
        sequences.append((user, known))
    return sequences, list(left), sorted(trained, key=str.encode), dropped


def reference_later(rows, later, config):
    """What is left where all rows train and later ones, which come apart, are those of validation.

    Returns:
      A list as that of `reference_events`; events dropped by rule; users of later events who are not trained.
    """
    kept, dropped, _, _ = kept_events(rows, config)
    sequences = {user: [(item, time, TRAIN) for _, item, time in own] for user, own in kept.items()}
    trained = {item for own in sequences.values() for item, _, _ in own}
    end = {user: max(time for _, time, _ in own) for user, own in sequences.items()}
    dropped |= dict.fromkeys(("untrained_user", "not_later", "untrained_item"), 0)
    for user, item, time in sorted(later, key=lambda row: row[2]):
        if user not in end:
            dropped["untrained_user"] += 1
        elif time <= end[user]:
            dropped["not_later"] += 1
        elif item not in trained:
            dropped["untrained_item"] += 1
        else:
            sequences[user].append((item, time, VALID))
    return list(sequences.items()), dropped, len({row[0] for row in later} - end.keys())


def kept_events(rows, config):
    """The events of each user that the rules on users and items leave, in order of time; and by rule what was dropped:
    events, users with all of theirs, items with all of theirs.
    """
    occurrences = Counter(item for _, item, _ in rows)
    often = [row for row in rows if occurrences[row[1]] >= config.min_item_events]
    events, users, items = (dict.fromkeys(RULES, 0) for _ in range(3))
    events["item_events"] = len(rows) - len(often)
    users["item_events"] = len({row[0] for row in rows} - {row[0] for row in often})
    items["item_events"] = sum(count < config.min_item_events for count in occurrences.values())
    left = {}
    for user in sorted({row[0] for row in often}, key=str.encode):
        # Python's sort keeps the order of reading for equal times.
        own = sorted((row for row in often if row[0] == user), key=lambda row: row[2])
        shares = [count / len(own) for count in Counter(item for _, item, _ in own).values()]
        rule = None
        if len(own) < config.min_user_events:
            rule = "user_events"
        elif -math.fsum(share * math.log(share) for share in shares) <= config.min_user_entropy:
            rule = "user_entropy"
        else:
            left[user] = own
        if rule:
            events[rule] += len(own)
            users[rule] += 1
    return left, events, users, items


def splits(count, config):
    """Splits of a user's events in order of time."""
    if not config.validation:
        held = held_out(count, config)
        return [TRAIN] * (count - held) + [VALID] * held
    test = held_out(count, config)
    valid = held_out(count - test, config)
    return [TRAIN] * (count - test - valid) + [VALID] * valid + [TEST] * test


def held_out(count, config):
    nearest = int((Decimal(str(config.holdout)) * count).to_integral_value(ROUND_HALF_UP))
    return min(max(nearest, config.min_holdout), config.max_holdout, count - 1)
