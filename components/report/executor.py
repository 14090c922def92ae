"""Executor of Report."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from absl import logging
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.staging import local_input, local_output
from rrn_tf import features
from rrn_tf.data.items import items_of
from rrn_tf.evaluation.experiments.subjects import RatingSubject, ReportOptions
from rrn_tf.evaluation.leaderboard import LeaderboardRow, leaderboard_markdown
from rrn_tf.evaluation.protocols import FROZEN
from rrn_tf.features import Split
from rrn_tf.report.run_files import RunFiles
from rrn_tf.report.subjects_of_runs import subject_of
from rrn_tf.report.writing import write_report
from rrn_tf.runs.comparison import rating_leaderboards, scored_split
from rrn_tf.runs.directory import RunPaths

SEQUENCES, MODEL, MODEL_RUN, REPORT = "sequences", "model", "model_run", "report"
EVERYTHING = "everything"
JSON_FILE, MARKDOWN_FILE, PREDICTIONS_FILE = "leaderboard.json", "leaderboard.md", "predictions.parquet"


class Executor(base_executor.BaseExecutor):
    """Fits the baselines, predicts by them and the model, and writes the page, and leaderboards of ratings."""

    def Do(  # noqa: N802
        self, input_dict: dict[str, list[Any]], output_dict: dict[str, list[Any]], exec_properties: dict[str, Any]
    ) -> None:
        """Runs the component.

        Args:
          input_dict: `sequences`, `model` and `model_run`.
          output_dict: `report`.
          exec_properties: `everything`, 1 to fit the slow baselines too.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        uri = {name: artifact_utils.get_single_uri(input_dict[name]) for name in (SEQUENCES, MODEL, MODEL_RUN)}
        with (
            local_input(uri[SEQUENCES]) as sequences,
            local_input(uri[MODEL]) as model,
            local_input(uri[MODEL_RUN]) as trained,
            local_output(artifact_utils.get_single_uri(output_dict[REPORT])) as folder,
        ):
            paths, served = RunPaths(trained), Path(path_utils.serving_model_path(str(model)))
            if not paths.config.exists():
                raise ValueError(
                    f"{paths.config}: expected the configuration of the training, found none: an earlier version "
                    "trained the model; `rrn run --no-cache` trains it anew"
                )
            files = RunFiles(uri[MODEL], sequences, served, paths.config, paths.metrics)
            options = ReportOptions(items=items_of(served))
            subject = subject_of(files, options, everything=bool(exec_properties[EVERYTHING]))
            # The model is trained and may be pushed: a figure that fails is no reason to end the run without its page.
            write_report(files, subject, folder, on_failure=logging.error)
            if isinstance(subject, RatingSubject):
                write_leaderboards(subject, folder)


def write_leaderboards(subject: RatingSubject, folder: Path) -> None:
    """Writes the leaderboards of both protocols, and the predictions of the frozen one.

    Args:
      subject: the run with its predictions.
      folder: of `leaderboard.json`, whose `rows` are those of the frozen protocol and whose `protocols` have those of
        the others, of `leaderboard.md`, and of `predictions.parquet`, which has the frozen predictions.
    """
    predicted, of = subject.predictions, Split.TEST
    boards: dict[str, list[LeaderboardRow]] = {FROZEN: []}
    columns = {features.RATING: np.empty(0, np.float32)}
    if predicted:  # nothing is, where nothing is held out
        of = scored_split(subject.sequences)
        boards = rating_leaderboards(predicted, of)
        ratings, _, models = predicted[FROZEN]
        columns = {features.RATING: ratings.rating, **{name: model.rating for name, model in models.items()}}
    frozen = boards.pop(FROZEN)
    others = {protocol: [asdict(row) for row in rows] for protocol, rows in boards.items()}
    report = {"split": of.label, "protocol": FROZEN, "rows": [asdict(row) for row in frozen], "protocols": others}
    (folder / JSON_FILE).write_text(json.dumps(report, indent=2) + "\n")
    tables = [
        leaderboard_markdown(frozen),
        *(f"{name}\n\n{leaderboard_markdown(rows)}" for name, rows in boards.items()),
    ]
    (folder / MARKDOWN_FILE).write_text("\n\n".join(tables) + "\n")
    pd.DataFrame({**subject.sequences.queries([of]), **columns}).to_parquet(folder / PREDICTIONS_FILE, index=False)
