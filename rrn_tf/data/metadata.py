"""Metadata of a prepared data set: `metadata.json` or `events.json` beside the sequences.

Everything but the counts of the other splits is computed from training data alone.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from rrn_tf.checksums import read_checked
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.data.prepared import MEND
from rrn_tf.data.steps import StepRule
from rrn_tf.features import EVENT_METADATA_FILE, METADATA_FILE, Side

Index = TypeVar("Index", bound=np.integer)


@dataclass(frozen=True)
class EntityCounts:
    """Entity counts of one side: indices 1..trained have training ratings, trained+1..total do not."""

    trained: int
    total: int

    def known(self, index: npt.NDArray[Index]) -> npt.NDArray[Index]:
        """Replaces indices of entities without training ratings by 0, the unknown entity."""
        return np.where(index <= self.trained, index, index.dtype.type(0))


@dataclass(frozen=True)
class SequenceMetadata:
    """Metadata of prepared ratings.

    Attributes:
      cutoff: unix seconds; steps on both sides are aligned to it, and training ratings precede it.
      user_granularity, item_granularity: step length in seconds.
      wallclock_mean, wallclock_std: mean and standard deviation of the training ratings' timestamps, in
        seconds; they scale the wallclock to zero mean and unit variance (Section 4.1).
      rating_mean, rating_min, rating_max: of the training ratings.
      users, items: entity counts.
      ratings: number of ratings by split label.
      rejected: number of rejected rows by reason.
      steps_per_doubling: steps per doubling of an entity's ratings (see `rrn_tf.data.steps.StepRule`).
    """

    cutoff: int
    user_granularity: int
    item_granularity: int
    wallclock_mean: float
    wallclock_std: float
    rating_mean: float
    rating_min: float
    rating_max: float
    users: EntityCounts
    items: EntityCounts
    ratings: dict[str, int]
    rejected: dict[str, int] = field(default_factory=dict)
    steps_per_doubling: int = 0

    def entities(self, side: Side) -> EntityCounts:
        """Returns the entity counts of a side."""
        return self.users if side is Side.USER else self.items

    def granularity(self, side: Side) -> int:
        """Returns the step length of a side in seconds."""
        return self.user_granularity if side is Side.USER else self.item_granularity

    def step_rule(self, side: Side) -> StepRule:
        """Returns the rule by which a side's ratings are grouped into steps."""
        return StepRule(self.granularity(side), self.steps_per_doubling)

    def save(self, directory: str | Path) -> None:
        """Writes `metadata.json` into a directory."""
        Path(directory, METADATA_FILE).write_text(self.to_json())

    def to_json(self) -> str:
        """Returns the metadata as indented JSON text."""
        return _to_json(self)

    @classmethod
    def load(cls, directory: str | Path) -> SequenceMetadata:
        """Reads `metadata.json` of a prepared data set.

        Raises:
          FileNotFoundError: if the directory holds no prepared data set.
        """
        return cls.from_json(_read(directory, METADATA_FILE))

    @classmethod
    def from_json(cls, text: str) -> SequenceMetadata:
        """Creates metadata from the text of `to_json`."""
        values = json.loads(text)
        for side in ("users", "items"):
            values[side] = EntityCounts(**values[side])
        return cls(**values)


@dataclass(frozen=True)
class EventMetadata:
    """Metadata of prepared events.

    Attributes:
      users, items: number of remaining users and items.
      events: number of events by split label.
      rejected: number of rejected rows by reason.
      dropped: number of valid events that each rule left out (see `rrn_tf.data.event_rules`).
      config: settings of the preparation.
      dropped_users, dropped_items: number of users and of items that lost all of their events by each rule;
        empty in files of an earlier version.
    """

    users: int
    items: int
    events: dict[str, int]
    rejected: dict[str, int]
    dropped: dict[str, int]
    config: EventDataConfig
    dropped_users: dict[str, int] = field(default_factory=dict)
    dropped_items: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        """Returns the metadata as indented JSON text."""
        return _to_json(self)

    @classmethod
    def load(cls, directory: str | Path) -> EventMetadata:
        """Reads `events.json` of prepared events.

        Raises:
          FileNotFoundError: if the directory holds no prepared events.
        """
        values = json.loads(_read(directory, EVENT_METADATA_FILE))
        return cls(**{**values, "config": EventDataConfig(**values["config"])})


def _to_json(metadata: SequenceMetadata | EventMetadata) -> str:
    return json.dumps(dataclasses.asdict(metadata), indent=2) + "\n"


def _read(directory: str | Path, name: str) -> str:
    path = Path(directory, name)
    if not path.exists():
        raise FileNotFoundError(f"{directory}: expected a prepared data set with {name}, found none")
    return read_checked(path, MEND)
