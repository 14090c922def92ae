"""Executor of Report."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.staging import local_input, local_output
from rrn_tf import features
from rrn_tf.baselines.ratings.registry import standard_baselines
from rrn_tf.data.interactions import Interactions
from rrn_tf.data.sequences import RatingSequences, load_sequences
from rrn_tf.evaluation.leaderboard import RatingPredictions, fit_and_predict, leaderboard, leaderboard_markdown
from rrn_tf.evaluation.protocols import FROZEN
from rrn_tf.features import Split
from rrn_tf.serving.saved_rrn import SavedRRN

SEQUENCES, MODEL, REPORT = "sequences", "model", "report"
JSON_FILE, MARKDOWN_FILE, PREDICTIONS_FILE = "leaderboard.json", "leaderboard.md", "predictions.parquet"
MODEL_NAME = "RRN"


class Executor(base_executor.BaseExecutor):
    """Fits the baselines, predicts by them and the model, and writes the leaderboard and all predictions."""

    def Do(  # noqa: N802
        self, input_dict: dict[str, list[Any]], output_dict: dict[str, list[Any]], exec_properties: dict[str, Any]
    ) -> None:
        """Runs the component.

        Args:
          input_dict: `sequences` and `model`.
          output_dict: `report`.
          exec_properties: none.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        with local_input(artifact_utils.get_single_uri(input_dict[SEQUENCES])) as folder:
            sequences = load_sequences(folder)
        model = path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[MODEL]))
        test, predictions = compare(sequences, model)
        rows = leaderboard(test, predictions) if len(test) else []
        report = {"split": Split.TEST.label, "protocol": FROZEN, "rows": [asdict(row) for row in rows]}
        columns = {name: of.rating for name, of in predictions.items()}
        frame = pd.DataFrame({**sequences.queries([Split.TEST]), features.RATING: test.rating, **columns})
        with local_output(artifact_utils.get_single_uri(output_dict[REPORT])) as folder:
            (folder / JSON_FILE).write_text(json.dumps(report, indent=2) + "\n")
            (folder / MARKDOWN_FILE).write_text(leaderboard_markdown(rows) + "\n")
            frame.to_parquet(folder / PREDICTIONS_FILE, index=False)


def compare(sequences: RatingSequences, model: str) -> tuple[Interactions, dict[str, RatingPredictions]]:
    """Predicts the same test ratings by the model and the baselines, by the frozen protocol.

    Args:
      sequences: the data; baselines are fitted on its training ratings and tuned on its validation.
      model: directory of a SavedModel with the `predict` signature.

    Returns:
      The test ratings, and their predictions by the name of the model, RRN first.
    """
    train, valid, test = (sequences.interactions([split]) for split in (Split.TRAIN, Split.VALID, Split.TEST))
    saved = SavedRRN(model)
    rating = saved.predict(**sequences.queries([Split.TEST]))
    low, high = sequences.metadata.rating_min, sequences.metadata.rating_max
    predictions = {MODEL_NAME: RatingPredictions(np.clip(rating, low, high), None, saved.num_parameters)}
    for baseline in standard_baselines(everything=False):
        predictions[baseline.name] = fit_and_predict(baseline, train, valid, test)
    return test, predictions
