"""The rules on events by loops and dictionaries: slow, obvious, and independent of rrn_tf."""

import math
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal

TRAIN, VALID, TEST = 0, 1, 2


def reference_events(rows, config):
    """What is left of events.

    Args:
      rows: list of (user_id, item_id, timestamp) in the order in which they were read.
      config: EventDataConfig.

    Returns:
      A list of (user_id, [(item_id, timestamp, split), ...]) by user; user ids; item ids; events dropped by rule.
    """
    occurrences = Counter(item for _, item, _ in rows)
    often = [row for row in rows if occurrences[row[1]] >= config.min_item_events]
    dropped = {"item_events": len(rows) - len(often), "user_events": 0, "user_entropy": 0, "untrained_item": 0}
    left = {}
    for user in sorted({row[0] for row in often}, key=str.encode):
        # Python's sort keeps the order of reading for equal times.
        own = sorted((row for row in often if row[0] == user), key=lambda row: row[2])
        shares = [count / len(own) for count in Counter(item for _, item, _ in own).values()]
        if len(own) < config.min_user_events:
            dropped["user_events"] += len(own)
        elif -math.fsum(share * math.log(share) for share in shares) <= config.min_user_entropy:
            dropped["user_entropy"] += len(own)
        else:
            left[user] = [(item, time, split) for (_, item, time), split in zip(own, splits(len(own), config))]
    trained = {item for events in left.values() for item, _, split in events if split == TRAIN}
    sequences = []
    for user, events in left.items():
        known = [event for event in events if event[0] in trained]
        dropped["untrained_item"] += len(events) - len(known)
        sequences.append((user, known))
    return sequences, list(left), sorted(trained, key=str.encode), dropped


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
