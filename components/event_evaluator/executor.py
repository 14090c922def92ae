"""Executor of EventEvaluator."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.blessing import bless
from components.report.executor import JSON_FILE, MARKDOWN_FILE
from components.staging import local_input, local_output
from rrn_tf.baselines.events.ngram import ngrams
from rrn_tf.data.event_context import with_context
from rrn_tf.data.events import EventSequences
from rrn_tf.data.load_events import load_events
from rrn_tf.data.shared_counts import SharedCounts
from rrn_tf.evaluation.event_leaderboard import (
    EventScores,
    event_leaderboard,
    event_leaderboard_markdown,
    fit_and_score,
)
from rrn_tf.evaluation.event_leaderboard import score as score_model
from rrn_tf.evaluation.event_protocols import scored_positions
from rrn_tf.evaluation.network_scores import MixtureEventModel, NetworkEventModel
from rrn_tf.features import Split
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.serving.saved_events import SavedCollaborativeRNN

SEQUENCES, MODEL, BASELINE_MODEL, EVALUATION, BLESSING = (
    "sequences",
    "model",
    "baseline_model",
    "evaluation",
    "blessing",
)
MAX_NLL, MAX_NLL_INCREASE = "max_nll", "max_nll_increase"
MODEL_NAME, BASELINE_NAME = "C-RNN", "latest blessed"


class Executor(base_executor.BaseExecutor):
    """Scores models on the same held-out events and decides whether to bless the new one."""

    def Do(  # noqa: N802
        self, input_dict: dict[str, list[Any]], output_dict: dict[str, list[Any]], exec_properties: dict[str, Any]
    ) -> None:
        """Runs the component.

        Args:
          input_dict: `sequences`, `model` and, if there is one, `baseline_model`.
          output_dict: `evaluation` and `blessing`.
          exec_properties: `max_nll` and `max_nll_increase`.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        with local_input(artifact_utils.get_single_uri(input_dict[SEQUENCES])) as folder:
            sequences = load_events(folder)
        paths = {MODEL_NAME: artifact_utils.get_single_uri(input_dict[MODEL])}
        if earlier := input_dict.get(BASELINE_MODEL):
            paths[BASELINE_NAME] = artifact_utils.get_single_uri(earlier)
        split = Split.TEST if sequences.has(Split.TEST) else Split.VALID
        positions = scored_positions(sequences, split)
        scores = {
            name: found
            for name, path in paths.items()
            if (found := saved_scores(path_utils.serving_model_path(path), sequences, positions, name))
        }
        for baseline in ngrams():
            scores[baseline.name] = fit_and_score(baseline, sequences, positions)
        rows = event_leaderboard(sequences, positions, scores, reference=MODEL_NAME)
        losses = {row.model: row.nll for row in rows}
        limit = min(
            exec_properties[MAX_NLL],
            losses.get(BASELINE_NAME, float("inf")) + exec_properties[MAX_NLL_INCREASE],
        )
        blessed = bool(losses[MODEL_NAME] <= limit)
        report = {"split": split.label, "limit": limit, "blessed": blessed, "rows": [asdict(row) for row in rows]}
        with local_output(artifact_utils.get_single_uri(output_dict[EVALUATION])) as folder:
            (folder / JSON_FILE).write_text(json.dumps(report, indent=2) + "\n")
            (folder / MARKDOWN_FILE).write_text(event_leaderboard_markdown(rows) + "\n")
        bless(artifact_utils.get_single_instance(output_dict[BLESSING]), blessed)


def saved_scores(path: str, sequences: EventSequences, positions: np.ndarray, name: str) -> EventScores | None:
    """Scores events by a saved model; returns None if its items differ, so that it cannot be compared."""
    saved = SavedCollaborativeRNN(path)
    if not np.array_equal(saved.item_ids, sequences.item_ids):
        return None
    if not saved.is_mixture:
        return score_model(NetworkEventModel(saved.load_users(sequences.user_ids).model, name), sequences, positions)
    # The model uses the counts of its own training, which may have other users than the events.
    training = saved.training_events()
    events, place = sequences.renumbered(training.user_ids)
    counts, network = SharedCounts(training), saved.load_network(events.num_users - training.num_users)
    assert isinstance(network, CollaborativeMixture)
    splits = (Split.VALID, Split.TEST)
    events = with_context(events, counts, network.window, clock=network.settings["clock"], splits=splits)
    return score_model(MixtureEventModel(network, counts, name), events, place[positions])
