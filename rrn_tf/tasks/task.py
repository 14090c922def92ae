"""What every task offers to the commands, runs and components that work with either."""

from __future__ import annotations

import abc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rrn_tf.collaborative_config import CollaborativeConfig, EventDataConfig
from rrn_tf.config import Config, DataConfig

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from rrn_tf.data.source import DataSource
    from rrn_tf.serving.query_file import EvaluationOutcome

Settings = Config | CollaborativeConfig  # everything that decides a result
DataSettings = DataConfig | EventDataConfig
BestError = Callable[["pd.DataFrame"], float]


class Task(abc.ABC):
    """Ratings or events: how they are prepared, trained on, exported and judged.

    Heavy modules are imported by the methods that need them.

    Attributes:
      name: of the model, as `--model` takes it.
      rows: what the data hold.
      config: the class of the configuration.
      preset: the configuration that is the default of the command line.
      figure: what of the validation data decides in a search, the lower the better: ``RMSE``, or ``NLL`` in nats an
        event.
      protocols: ways of evaluation, the default first.
      shared_settings: beginnings of the settings that all trials of a search share: figures of others could not be
        compared.
    """

    name: ClassVar[str]
    rows: ClassVar[str]
    config: ClassVar[type[Any]]
    preset: ClassVar[str]
    figure: ClassVar[str]
    protocols: ClassVar[tuple[str, ...]]
    shared_settings: ClassVar[tuple[str, ...]]

    @property
    def objective(self) -> str:
        """Name of the figure in `trials.jsonl`: ``valid_rmse`` or ``valid_nll``."""
        return f"valid_{self.figure.lower()}"

    @property
    @abc.abstractmethod
    def saved_model(self) -> type:
        """The class of a saved model."""

    @abc.abstractmethod
    def prepare(self, pattern: str, folder: str | Path, config: Any, **options: Any) -> Any:
        """Writes sequences; arguments as those of `rrn_tf.beam.prepare.prepare_sequences`."""

    @abc.abstractmethod
    def preparation(self, config: Any) -> str:
        """A folder's name that data of other settings `data` do not have, among trials of one search."""

    @abc.abstractmethod
    def metadata(self, folder: str | Path) -> Any:
        """What preparation said of the data."""

    @abc.abstractmethod
    def counts(self, metadata: Any) -> dict[str, Any]:
        """Numbers of rows that `metrics.json` and `run.json` hold."""

    @abc.abstractmethod
    def load(self, folder: str | Path) -> Any:
        """Prepared data in memory."""

    @abc.abstractmethod
    def train(self, data: Any, checkpoints: str | Path, config: Any, **options: Any) -> Any:
        """Trains a model; arguments as those of `rrn_tf.training.alternating.train`."""

    @abc.abstractmethod
    def validation_error(self, result: Any, config: Any) -> float:
        """`figure` of the best epoch on validation data, by the protocol of `training.selection`."""

    @abc.abstractmethod
    def export(self, result: Any, folder: Path) -> None:
        """Writes a SavedModel."""

    @abc.abstractmethod
    def figures(self, result: Any, best: BestError | None, on_stage: Callable[[str], None]) -> dict[str, Any]:
        """Metrics by split and protocol, and further figures.

        Args:
          result: of training.
          best: see `best_error`.
          on_stage: is told of what takes long.
        """

    @abc.abstractmethod
    def best_error(self, source: DataSource) -> BestError | None:
        """Of generated data the best error that any model can reach on some of their rows."""

    @abc.abstractmethod
    def read_new(
        self, pattern: str, model: Any, dead_letters: str, max_bad_share: float
    ) -> tuple[pa.Table, dict[str, int], dict[str, int]]:
        """Reads rows by which a saved model is updated.

        Args:
          pattern: CSV or Parquet files.
          model: the saved model.
          dead_letters: JSON Lines file for rejected rows.
          max_bad_share: the largest share of rows that may be rejected.

        Returns:
          Good rows, and the numbers of rejected ones and of others that are left out, by reason.

        Raises:
          BadInputError: for rows that cannot be used.
        """

    @abc.abstractmethod
    def evaluate(self, model: Any, data: str | Path, protocol: str, **options: Any) -> EvaluationOutcome:
        """Scores a saved model on a file; `options` are those of `rrn_tf.serving.event_file.evaluate_event_file`."""
