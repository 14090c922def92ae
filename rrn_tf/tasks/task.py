"""The interface of a task, by which commands, runs and components work with ratings and events alike."""

from __future__ import annotations

import abc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rrn_tf.collaborative_config import CollaborativeConfig, EventDataConfig
from rrn_tf.config import Config, DataConfig
from rrn_tf.data_format import DataFormat

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from rrn_tf.data.source import DataSource
    from rrn_tf.serving.query_file import EvaluationOutcome
    from rrn_tf.training.tensorboard import TrainedStates

Settings = Config | CollaborativeConfig  # the complete configuration of a run
DataSettings = DataConfig | EventDataConfig
BestError = Callable[["pd.DataFrame"], float]


class Task(abc.ABC):
    """Prepares, trains, exports and evaluates for either ratings or events.

    Slow imports, such as TensorFlow, are inside the methods that need them.

    Attributes:
      name: the name of the model, as given to `--model`.
      rows: the plural noun for rows of the data, ``ratings`` or ``events``.
      columns: the columns of a row.
      config: the class of the configuration.
      preset: the configuration that is the default of the command line.
      figure: the validation figure that a search minimises: ``RMSE``, or ``NLL`` in nats per
        event.
      protocols: the names of the evaluation protocols, the default first.
      shared_settings: prefixes of the settings that all trials of a search must share, so that their figures can be
        compared.
    """

    name: ClassVar[str]
    rows: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    config: ClassVar[type[Any]]
    preset: ClassVar[str]
    figure: ClassVar[str]
    protocols: ClassVar[tuple[str, ...]]
    shared_settings: ClassVar[tuple[str, ...]]

    @property
    def objective(self) -> str:
        """The name of the figure in `trials.jsonl`: ``valid_rmse`` or ``valid_nll``."""
        return f"valid_{self.figure.lower()}"

    @property
    @abc.abstractmethod
    def saved_model(self) -> type:
        """The class of a saved model."""

    @abc.abstractmethod
    def prepare(self, pattern: str, folder: str | Path, config: Any, **options: Any) -> Any:
        """Prepares sequences; the arguments are those of `rrn_tf.beam.prepare.prepare_sequences`."""

    @abc.abstractmethod
    def preparation(self, config: Any) -> str:
        """Returns a folder name that is unique to these settings `data` among the trials of a search."""

    @abc.abstractmethod
    def metadata(self, folder: str | Path) -> Any:
        """Loads the metadata that preparation wrote."""

    @abc.abstractmethod
    def counts(self, metadata: Any) -> dict[str, Any]:
        """Returns the numbers of rows, as saved in `metrics.json` and `run.json`."""

    @abc.abstractmethod
    def load(self, folder: str | Path) -> Any:
        """Loads prepared data into memory."""

    @abc.abstractmethod
    def train(self, data: Any, checkpoints: str | Path, config: Any, **options: Any) -> Any:
        """Trains a model; the arguments are those of `rrn_tf.training.alternating.train`."""

    @abc.abstractmethod
    def validation_error(self, result: Any, config: Any) -> float:
        """Returns the best epoch's `figure` on validation data, by the protocol of `training.selection`."""

    @abc.abstractmethod
    def export(self, result: Any, folder: Path) -> None:
        """Writes a SavedModel."""

    @abc.abstractmethod
    def figures(self, result: Any, best: BestError | None, on_stage: Callable[[str], None]) -> dict[str, Any]:
        """Computes metrics by split and protocol, and further figures.

        Args:
          result: the result of training.
          best: see `best_error`.
          on_stage: called with a line about each slow computation before it starts.
        """

    @abc.abstractmethod
    def trained_states(self, result: Any, most_items: int) -> TrainedStates:
        """Returns the states of a trained model, and vectors of the items with most training data, for its logs.

        Args:
          result: the result of training.
          most_items: number of items.
        """

    @abc.abstractmethod
    def best_error(self, source: DataSource) -> BestError | None:
        """Returns, for generated data, a function that computes the best error any model can reach on given rows."""

    @abc.abstractmethod
    def read_new(
        self, pattern: str, model: Any, dead_letters: str, max_bad_share: float, data_format: DataFormat | None = None
    ) -> tuple[pa.Table, dict[str, int], dict[str, int]]:
        """Reads rows by which a saved model is updated.

        Args:
          pattern: files of ratings or events.
          model: the saved model.
          dead_letters: JSON Lines file for rejected rows.
          max_bad_share: the largest fraction of rows that may be rejected.
          data_format: what the user says about the files' format.

        Returns:
          The valid rows, the numbers of rejected rows by reason, and the numbers of other rows left out, by reason.

        Raises:
          BadInputError: for rows that cannot be used.
        """

    @abc.abstractmethod
    def evaluate(self, model: Any, data: str | Path, protocol: str, **options: Any) -> EvaluationOutcome:
        """Scores a saved model on a file; `options` are those of `evaluate_file` and `evaluate_event_file`."""
