"""The task of predicting the next items from events, by a Collaborative RNN."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rrn_tf.collaborative_config import CollaborativeConfig, EventDataConfig
from rrn_tf.config import CRNN_PLUS
from rrn_tf.data_format import DataFormat
from rrn_tf.features import EVENT_COLUMNS, TIMESTAMP, USER_ID, Split
from rrn_tf.tasks.task import BestError, Task

if TYPE_CHECKING:
    import pyarrow as pa

    from rrn_tf.data.events import EventSequences
    from rrn_tf.data.metadata import EventMetadata
    from rrn_tf.data.source import DataSource
    from rrn_tf.serving.query_file import EvaluationOutcome
    from rrn_tf.serving.saved_events import SavedCollaborativeRNN
    from rrn_tf.training.tensorboard import TrainedStates
    from rrn_tf.training.truncated_bptt import CollaborativeResult


class EventTask(Task):
    """Trains a Collaborative RNN by truncated backpropagation and evaluates it by the likelihood of later events."""

    name, rows, columns = "crnn", "events", EVENT_COLUMNS
    config, preset = CollaborativeConfig, CRNN_PLUS
    figure = "NLL"
    protocols = ("clean", "interleaved")  # as in rrn_tf.evaluation.event_protocols, which imports TensorFlow
    # Every setting of the data affects which events are held out.
    shared_settings = ("data.", "training.selection", "training.valid_chunks")

    @property
    def saved_model(self) -> type[SavedCollaborativeRNN]:
        from rrn_tf.serving.saved_events import SavedCollaborativeRNN

        return SavedCollaborativeRNN

    def prepare(self, pattern: str, folder: str | Path, config: EventDataConfig, **options: Any) -> EventMetadata:
        from rrn_tf.beam.prepare_events import prepare_events

        return prepare_events(pattern, str(folder), config, **options)

    def preparation(self, config: EventDataConfig) -> str:
        return self.rows  # all trials share the settings of the data

    def metadata(self, folder: str | Path) -> EventMetadata:
        from rrn_tf.data.metadata import EventMetadata

        return EventMetadata.load(folder)

    def counts(self, metadata: EventMetadata) -> dict[str, Any]:
        names = ("events", "rejected", "dropped", "dropped_users", "dropped_items")
        return {name: getattr(metadata, name) for name in names}

    def load(self, folder: str | Path) -> EventSequences:
        from rrn_tf.data.load_events import load_events

        return load_events(folder)

    def train(
        self, data: str | Path | EventSequences, checkpoints: str | Path, config: CollaborativeConfig, **options: Any
    ) -> CollaborativeResult:
        from rrn_tf.training.truncated_bptt import train

        return train(data, checkpoints, config, **options)

    def validation_error(self, result: CollaborativeResult, config: CollaborativeConfig) -> float:
        return result.metrics[Split.VALID.label][config.training.selection]["nll"]

    def export(self, result: CollaborativeResult, folder: Path) -> None:
        from rrn_tf.serving.export_events import export_event_model

        export_event_model(result, folder)

    def figures(
        self, result: CollaborativeResult, best: BestError | None, on_stage: Callable[[str], None]
    ) -> dict[str, Any]:
        import pandas as pd

        from rrn_tf.evaluation.network_scores import network_figures
        from rrn_tf.slow_work import each

        on_stage("predicting by both protocols")
        sequences, metrics = result.sequences, dict[str, Any]()
        for protocol in each(self.protocols, "predicting by both protocols"):
            found = network_figures(result.model, sequences, protocol, counts=result.counts)
            for split, figures in found.items():
                metrics.setdefault(split, {})[protocol] = figures
        at = sequences.split == (Split.TEST if sequences.has(Split.TEST) else Split.VALID)
        columns = {USER_ID: sequences.user_ids[sequences.user[at] - 1], TIMESTAMP: sequences.timestamp[at]}
        return {**metrics, "best_nll": best(pd.DataFrame(columns)) if best and at.any() else None}

    def trained_states(self, result: CollaborativeResult, most_items: int) -> TrainedStates:
        import numpy as np

        from rrn_tf.serving.similar_items import item_weights
        from rrn_tf.training.tensorboard import TrainedStates

        sequences, vectors = result.sequences, item_weights(result.model)
        counts = np.bincount(sequences.item[sequences.split == Split.TRAIN], minlength=len(vectors))
        item = 1 + np.argsort(-counts[1:], kind="stable")[:most_items]
        tables = {"states/user": result.states[1:], "softmax/item": vectors[1:]}
        if (factors := result.model.stationary.table.numpy()[1:]).size:
            tables["stationary_factors/user"] = factors
        return TrainedStates(tables, sequences.item_ids[item - 1], counts[item], vectors[item])

    def best_error(self, source: DataSource) -> BestError | None:
        return source.best_nll

    def read_new(
        self,
        pattern: str,
        model: SavedCollaborativeRNN,
        dead_letters: str,
        max_bad_share: float,
        data_format: DataFormat | None = None,
    ) -> tuple[pa.Table, dict[str, int], dict[str, int]]:
        from rrn_tf.beam.reading.new_rows import read_new_events

        return *read_new_events(pattern, dead_letters, max_bad_share, data_format), {}

    def evaluate(
        self, model: SavedCollaborativeRNN, data: str | Path, protocol: str, **options: Any
    ) -> EvaluationOutcome:
        from rrn_tf.serving.event_file import evaluate_event_file

        return evaluate_event_file(model, data, protocol, **options)


EVENTS = EventTask()
