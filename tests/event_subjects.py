"""Subjects of reports about events, with scores that no model had to be trained for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from rrn_tf.baselines.events.protocol import Likeliest
from rrn_tf.data.event_scores import Positions, middle_ranks
from rrn_tf.data.events import EventSequences
from rrn_tf.evaluation.event_leaderboard import LIKELIEST, EventScores
from rrn_tf.evaluation.event_protocols import EVENT_PROTOCOLS, scored_positions
from rrn_tf.evaluation.experiments.subjects import EventSubject, Scored
from rrn_tf.features import Split
from rrn_tf.states.event_states import EventNetwork
from tests.events import random_events

METRICS = {
    "epochs": [
        {"epoch": 1, "train_nll": 2.5, "valid_nll": 2.4},
        {"epoch": 2, "train_nll": 2.1, "valid_nll": 2.2},
        {"epoch": 3, "train_nll": 1.9, "valid_nll": 2.3},
    ],
    "best_epoch": 2,
    "events": {"train": 200, "valid": 30, "test": 40},
    "rejected": {"timestamp_missing": 3},
    "dropped": {"item_events": 20, "user_events": 7, "user_entropy": 0, "untrained_item": 2},
    "dropped_users": {"item_events": 1, "user_events": 4, "user_entropy": 0, "untrained_item": 0},
    "dropped_items": {"item_events": 5, "user_events": 0, "user_entropy": 0, "untrained_item": 0},
}
CONFIG = {"data": {"min_item_events": 4}, "training": {"dropout": 0.5}}


def logged_events(users: int = 9, num_items: int = 14, valid: int = 2, test: int = 4) -> EventSequences:
    """Random items at random times, minutes to weeks apart, of users with different numbers of events."""
    rng = np.random.default_rng(8)
    lengths = [(int(rng.integers(8, 40)), valid, test) for _ in range(users)]
    events = random_events(lengths, num_items, seed=2)
    gaps = np.exp(rng.uniform(4, 14.5, len(events.item))).astype(np.int64)
    return replace(events, timestamp=1_300_000_000 + np.cumsum(gaps))


def distributions(sequences: EventSequences, positions: Positions, knows: float, seed: int) -> np.ndarray:
    """Random distributions over items, float64[N, M], that favour the item that came by a weight."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(sequences.num_items, 0.5), len(positions)) + 1e-3
    p[np.arange(len(positions)), sequences.item[positions] - 1] += knows
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def scores_from(p: np.ndarray, sequences: EventSequences, positions: Positions) -> EventScores:
    """The scores of a model with these distributions."""
    column = sequences.item[positions] - 1
    top = np.argsort(-p, axis=1)[:, :LIKELIEST]
    likeliest = Likeliest((top + 1).astype(np.int32), np.log(np.take_along_axis(p, top, axis=1)).astype(np.float32))
    log_p = np.log(p[np.arange(len(p)), column]).astype(np.float32)
    return EventScores(log_p, middle_ranks(p, column), 1.5, 100, likeliest)


def subject_of(
    sequences: EventSequences,
    models: Sequence[tuple[str, float]] = (("mixture", 0.6), ("2-gram", 0.25), ("1-gram", 0.05)),
    **fields: Any,
) -> EventSubject:
    """A subject whose models know the items to come to some degree; nothing of it asks the network itself."""

    def compare() -> dict[str, Scored]:
        split = Split.TEST if sequences.has(Split.TEST) else Split.VALID
        found = {}
        for protocol in EVENT_PROTOCOLS:
            positions = scored_positions(sequences, split, protocol)
            scores = {
                name: scores_from(distributions(sequences, positions, knows, seed), sequences, positions)
                for seed, (name, knows) in enumerate(models)
            }
            found[protocol] = Scored(positions, scores)
        return found

    values = {"config": CONFIG, "metrics": METRICS, "compare": compare, **fields}
    return EventSubject(sequences, cast("EventNetwork", None), **values)
