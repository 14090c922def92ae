"""Generated ratings with planted effects, as sequences in memory and as a report's subject."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rrn_tf.data.metadata import EntityCounts, SequenceMetadata
from rrn_tf.data.rows import SideRatings
from rrn_tf.data.sequences import RatingSequences, sequences_in_memory
from rrn_tf.data.synthetic import START
from rrn_tf.data.synthetic_effects import SyntheticEffects
from rrn_tf.evaluation.experiments.subjects import RatingSubject, ReportOptions
from rrn_tf.features import Side, Split
from rrn_tf.models.rrn import RRN
from rrn_tf.states.through_time import StatesThroughTime

DAY = 86_400


def sequences_of(made: SyntheticEffects, train_fraction: float = 0.8) -> RatingSequences:
    """The earliest ratings for training, later ones in turn for validation and test; steps as in the default preset."""
    cutoff = int(np.quantile(made.timestamp, train_fraction)) // DAY * DAY
    training = made.timestamp < cutoff
    split = np.where(training, Split.TRAIN, np.where(np.arange(len(made)) % 2, Split.VALID, Split.TEST))
    index, ids, counts = [], [], []
    for of, prefix in ((made.user, "u"), (made.item, "i")):
        known, others = np.unique(of[training]), np.setdiff1d(of, of[training])
        order = np.concatenate([known, others])
        place = np.zeros(int(of.max()) + 1, np.int32)
        place[order] = np.arange(1, len(order) + 1)
        index.append(place[of])
        ids.append(np.array([f"{prefix}{k}" for k in order], dtype=object))
        counts.append(EntityCounts(len(known), len(order)))
    cold = (index[0] > counts[0].trained) | (index[1] > counts[1].trained)
    split = np.where(~training & cold, split + 2, split).astype(np.uint8)
    times, ratings = made.timestamp[training].astype(float), made.rating[training]
    metadata = SequenceMetadata(
        cutoff=cutoff,
        user_granularity=DAY,
        item_granularity=DAY,
        wallclock_mean=float(times.mean()),
        wallclock_std=float(times.std()),
        rating_mean=float(ratings.mean()),
        rating_min=float(ratings.min()),
        rating_max=float(ratings.max()),
        users=counts[0],
        items=counts[1],
        ratings={of.label: int((split == of).sum()) for of in Split},
        steps_per_doubling=2,
    )
    rows = SideRatings(index[0], index[1], made.rating, made.timestamp, split)
    return sequences_in_memory(rows, ids[0], ids[1], metadata)[0]


def numbers(ids: np.ndarray) -> np.ndarray:
    """The generator's numbers of ids such as "u17", after a 0 for index 0."""
    return np.array([0, *(int(name[1:]) for name in ids)])


class KnownStates(StatesThroughTime):
    """Knows what the generator planted: a model without any error."""

    def __init__(self, made: SyntheticEffects, sequences: RatingSequences) -> None:
        self._made, self._sequences = made, sequences
        self._number = {side: numbers(sequences.ids(side)) for side in Side}
        self.factors_move = True

    def vectors(self, side: Side, entity: Any, timestamp: Any) -> np.ndarray:
        made, config = self._made, self._made.config
        number, ones = self._number[side][entity], np.ones(len(entity))
        if side is Side.USER:
            turned = made.turns[number] & (timestamp >= made.turned_at)
            return np.stack([ones, made.taste[number] / 2 * np.where(turned, -1, 1)], axis=1).astype(np.float32)
        since = (timestamp - np.minimum(made.awarded[number], timestamp + DAY)) / DAY
        level = 3 + config.award * np.where(since >= 0, np.exp(-np.maximum(since, 0) / config.award_days), 0)
        level -= config.age * np.exp(-np.maximum(timestamp - made.released[number], 0) / DAY / config.age_days)
        level += config.scale * (timestamp >= made.changed_at)
        level += config.season * np.cos(2 * np.pi * (timestamp - START) / (365.25 * DAY))
        return np.stack([level, np.where(made.kind[number] == 0, 1, -1)], axis=1).astype(np.float32)

    def clip(self, rating: np.ndarray) -> np.ndarray:
        return rating


def subject_of(
    made: SyntheticEffects, sequences: RatingSequences, network: RRN | None = None, **options: Any
) -> RatingSubject:
    """A report's subject of the generated ratings; without a network it has `KnownStates`."""
    asked = ReportOptions(**{"items": made.items, "events": made.events, **options})
    model = network or RRN(1, 1, units=1, embedding=1, dynamic_units=1, stationary=0, bayesian_factors=1)
    subject = RatingSubject(sequences, model, lambda *of: np.zeros(0, np.float32), {}, {}, dict, options=asked)
    if network is None:
        subject.__dict__["through_time"] = KnownStates(made, sequences)
    return subject


def only_column(frame: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    """The rows of one line of a figure."""
    return frame[frame[column] == name]
