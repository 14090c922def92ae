"""The task of predicting ratings by an RRN."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rrn_tf.config import RRN_PLUS, Config, DataConfig
from rrn_tf.data_format import DataFormat
from rrn_tf.features import COLUMNS, Split
from rrn_tf.tasks.task import BestError, Task

if TYPE_CHECKING:
    import pyarrow as pa

    from rrn_tf.data.metadata import SequenceMetadata
    from rrn_tf.data.sequences import RatingSequences
    from rrn_tf.data.source import DataSource
    from rrn_tf.serving.query_file import EvaluationOutcome
    from rrn_tf.serving.saved_rrn import SavedRRN
    from rrn_tf.training.alternating import TrainingResult
    from rrn_tf.training.tensorboard import TrainedStates


class RatingTask(Task):
    """Trains an RRN by alternating subspace descent and evaluates it by the RMSE of later ratings."""

    name, rows, columns = "rrn", "ratings", COLUMNS
    config, preset = Config, RRN_PLUS
    figure = "RMSE"
    protocols = ("frozen", "streaming")  # as in rrn_tf.evaluation.protocols, which imports TensorFlow
    shared_settings = ("data.split.", "training.selection")

    @property
    def saved_model(self) -> type[SavedRRN]:
        from rrn_tf.serving.saved_rrn import SavedRRN

        return SavedRRN

    def prepare(self, pattern: str, folder: str | Path, config: DataConfig, **options: Any) -> SequenceMetadata:
        from rrn_tf.beam.prepare import prepare_sequences

        return prepare_sequences(pattern, str(folder), config, **options)

    def preparation(self, config: DataConfig) -> str:
        steps = [config.user_granularity, config.item_granularity, *filter(None, [config.steps_per_doubling])]
        return "-".join(map(str, steps))

    def metadata(self, folder: str | Path) -> SequenceMetadata:
        from rrn_tf.data.metadata import SequenceMetadata

        return SequenceMetadata.load(folder)

    def counts(self, metadata: SequenceMetadata) -> dict[str, Any]:
        return {"ratings": metadata.ratings, "rejected": metadata.rejected}

    def load(self, folder: str | Path) -> RatingSequences:
        from rrn_tf.data.load_ratings import load_sequences

        return load_sequences(folder)

    def train(
        self, data: str | Path | RatingSequences, checkpoints: str | Path, config: Config, **options: Any
    ) -> TrainingResult:
        from rrn_tf.training.alternating import train

        return train(data, checkpoints, config, **options)

    def validation_error(self, result: TrainingResult, config: Config) -> float:
        """Returns the validation RMSE; for both protocols, the root of the mean of their squared RMSEs."""
        import numpy as np

        from rrn_tf.evaluation.protocols import BOTH

        figures, selection = result.metrics[Split.VALID.label], config.training.selection
        counted = [figures[protocol]["rmse"] for protocol in self.protocols if selection in (protocol, BOTH)]
        return float(np.sqrt(np.mean(np.square(counted))))

    def export(self, result: TrainingResult, folder: Path) -> None:
        from rrn_tf.serving.export import export_saved_model

        export_saved_model(result.snapshot(), folder)

    def figures(
        self, result: TrainingResult, best: BestError | None, on_stage: Callable[[str], None]
    ) -> dict[str, Any]:
        import pandas as pd

        error = None
        if best and result.sequences.has(Split.TEST):
            error = best(pd.DataFrame(result.sequences.queries([Split.TEST])))
        return {**result.metrics, "parts": result.parts, "best_rmse": error}

    def trained_states(self, result: TrainingResult, most_items: int) -> TrainedStates:
        import tempfile

        import numpy as np

        from rrn_tf.features import SIDES, Side
        from rrn_tf.serving.similar_items import compared_vectors
        from rrn_tf.serving.state_tables import StateTable
        from rrn_tf.training.tensorboard import TrainedStates

        snapshot, model = result.snapshot(), result.model
        tables = {}
        for side in SIDES:
            tables[f"states/{side.value}"] = snapshot.states[side].state[0].numpy()[1:]
            tables[f"stationary_factors/{side.value}"] = model.factors(side).table.numpy()[1:]
            if model.bayesian_factors:
                tables[f"bayesian_factors/{side.value}"] = model.trained_beliefs(side).standing[1:]
        user = result.sequences.user
        counts = np.bincount(user.opposite[user.split == Split.TRAIN])
        item = 1 + np.argsort(-counts[1:], kind="stable")[:most_items]
        with tempfile.TemporaryDirectory(prefix="rrn-states-") as folder:
            table = StateTable(Side.ITEM, snapshot, Path(folder, Side.ITEM.vocabulary_file))
        vectors = table.distinct_vectors(item, table.step(np.full(len(item), snapshot.until))).numpy()
        return TrainedStates(tables, snapshot.ids[Side.ITEM][item - 1], counts[item], compared_vectors(model, vectors))

    def best_error(self, source: DataSource) -> BestError | None:
        return source.best_rmse

    def read_new(
        self,
        pattern: str,
        model: SavedRRN,
        dead_letters: str,
        max_bad_share: float,
        data_format: DataFormat | None = None,
    ) -> tuple[pa.Table, dict[str, int], dict[str, int]]:
        """Reads new ratings, leaving out those before the training cutoff."""
        from rrn_tf.beam.reading.new_rows import BEFORE_CUTOFF, read_new_ratings

        rows, rejected = read_new_ratings(pattern, model.cutoff, dead_letters, max_bad_share, data_format)
        return rows, rejected, {BEFORE_CUTOFF: rejected.pop(BEFORE_CUTOFF, 0)}

    def evaluate(self, model: SavedRRN, data: str | Path, protocol: str, **options: Any) -> EvaluationOutcome:
        from rrn_tf.serving.query_file import evaluate_file

        return evaluate_file(model, data, protocol, **options)


RATINGS = RatingTask()
