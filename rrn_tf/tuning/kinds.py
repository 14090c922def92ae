"""What a search goes by, of ratings and of events."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import Config

Settings = Config | CollaborativeConfig  # everything that decides a result


@dataclass(frozen=True)
class Kind:
    """What differs between searches.

    Attributes:
      figure: what of the validation data decides, the lower the better: ``RMSE``, or ``NLL`` in nats an event.
      space: YAML of the packaged search space.
      settings: where the settings are described.
      same: beginnings of the settings that all trials share: figures of others could not be compared.
    """

    figure: str
    space: Path
    settings: str
    same: tuple[str, ...]

    @property
    def objective(self) -> str:
        """Name of the figure in `trials.jsonl`: ``valid_rmse`` or ``valid_nll``."""
        return f"valid_{self.figure.lower()}"


RATINGS = Kind(
    figure="RMSE",
    space=Path(__file__).with_name("ratings.yaml"),
    settings="rrn_tf/config.py",
    same=("data.split.", "training.selection"),
)
EVENTS = Kind(
    figure="NLL",
    space=Path(__file__).with_name("events.yaml"),
    settings="rrn_tf/collaborative_config.py",
    same=("data.", "training.selection", "training.valid_chunks"),  # any rule of the data decides what is held out
)


def kind_of(config: Settings) -> Kind:
    """Of a configuration."""
    return EVENTS if isinstance(config, CollaborativeConfig) else RATINGS
