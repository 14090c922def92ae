"""Makes the subject of a report from a finished run's files."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rrn_tf.baselines.events.next_item_network import NextItemNetwork
from rrn_tf.baselines.events.registry import standard_event_baselines
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import Config, config_from_dict, config_to_dict, load_config
from rrn_tf.data.event_context import with_context
from rrn_tf.data.events import EventSequences
from rrn_tf.data.load_events import load_events
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.data.shared_counts import SharedCounts
from rrn_tf.evaluation.event_leaderboard import score
from rrn_tf.evaluation.event_protocols import EVENT_PROTOCOLS, scored_positions
from rrn_tf.evaluation.experiments.subjects import EventSubject, RatingSubject, ReportOptions, Scored, TrainedAnew
from rrn_tf.evaluation.network_scores import event_model
from rrn_tf.evaluation.protocols import held_out_split
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.report.run_files import RunFiles
from rrn_tf.runs.compared_networks import form_of
from rrn_tf.runs.comparison import (
    predict_held_out,
    scored_event_split,
    scored_split,
    scores_of_baselines,
    trained_model,
    training_seconds,
)
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.states.event_states import EventNetwork
from rrn_tf.tasks import RATINGS
from rrn_tf.training.alternating import train
from rrn_tf.training.listeners import Listener
from rrn_tf.tuning.space import with_settings

Subject = RatingSubject | EventSubject
Echo = Callable[[str], None]


def subject_of(
    files: RunFiles,
    options: ReportOptions,
    *,
    everything: bool = True,
    echo: Echo = lambda line: None,
    listeners: Sequence[Listener] = (),
) -> Subject:
    """Makes the subject of a report.

    Args:
      files: the files of the run.
      options: what the user asks for.
      everything: whether to compare with the slow baselines too, and of events with other networks.
      echo: called with a line about each baseline before it is fitted.
      listeners: notified of the progress of trainings for `options.granularities`.

    Raises:
      ValueError: for a model that was updated after its training, or was not trained on the run's data, and for users
        who are not in the data.
    """
    if files.task is RATINGS:
        return _rating_subject(files, options, everything, echo, listeners)
    return _event_subject(files, options, everything, echo)


def _rating_subject(
    files: RunFiles, options: ReportOptions, everything: bool, echo: Echo, listeners: Sequence[Listener]
) -> RatingSubject:
    sequences = load_sequences(files.sequences)
    _check_users(options.users, sequences.user_ids)
    saved = trained_model(files.model)
    config = load_config(files.config, kind=Config)
    network, seconds = saved.load_model().model, training_seconds(files.metrics)
    return RatingSubject(
        sequences,
        network,
        saved.predict,
        config_to_dict(config),
        _metrics(files),
        lambda: (
            predict_held_out(sequences, (saved, seconds), options.seed, echo, everything)
            if held_out_split(sequences) is not None
            else {}
        ),
        lambda settings: train_anew(sequences, config, settings, listeners),
        options,
    )


def train_anew(
    sequences: RatingSequences, config: Config, settings: Mapping[str, Any], listeners: Sequence[Listener] = ()
) -> TrainedAnew:
    """Trains an RRN anew, in a temporary folder, on the same ratings with some settings replaced.

    Args:
      sequences: the prepared ratings, whose split is kept.
      config: the configuration of the run.
      settings: values by the path of the setting. Of the settings of the data, granularities alone can be replaced: a
        duration, or a number of seconds.
      listeners: notified of the training's progress.

    Raises:
      ValueError: for another setting of the data.
    """
    texts = {
        path: f"{value}s" if path.startswith("data.") and isinstance(value, int | np.integer) else value
        for path, value in settings.items()
    }
    if others := [path for path in texts if path.startswith("data.") and not path.endswith("_granularity")]:
        raise ValueError(f"expected settings of model, training or granularity, found {others[0]}")
    new = config_from_dict(with_settings(config_to_dict(config), texts), Config)
    stepped = sequences.with_granularities(new.data.granularity_seconds("user"), new.data.granularity_seconds("item"))
    with tempfile.TemporaryDirectory(prefix="rrn-report-") as folder:
        begin = time.perf_counter()
        result = train(stepped, folder, new, listeners=listeners)
        seconds = time.perf_counter() - begin
    figures = result.metrics[scored_split(sequences).label]
    return TrainedAnew({protocol: of["rmse"] for protocol, of in figures.items()}, seconds)


def _event_subject(files: RunFiles, options: ReportOptions, everything: bool, echo: Echo) -> EventSubject:
    sequences = load_events(files.sequences)
    _check_users(options.users, sequences.user_ids)
    network = _network_of(files.model, sequences)
    config = load_config(files.config, kind=CollaborativeConfig)
    metrics = _metrics(files)
    seconds = sum(epoch["seconds"] + epoch["valid_seconds"] for epoch in metrics["epochs"]) if metrics else None

    def compare() -> dict[str, Scored]:
        if held_out_split(sequences) is None:
            return {}
        name, counts, known = form_of(config.model), None, sequences
        if isinstance(network, CollaborativeMixture):
            counts = SharedCounts(sequences)
            known = with_context(sequences, counts, network.window, clock=network.settings["clock"])
        split = scored_event_split(sequences)
        positions = scored_positions(sequences, split)
        scores = {name: score(event_model(network, counts, name), known, positions, seconds)}
        baselines = standard_event_baselines(options.seed, everything)
        if not everything:  # networks are not slow beside the slowest, but training them takes minutes
            baselines = [baseline for baseline in baselines if not isinstance(baseline, NextItemNetwork)]
        scores |= scores_of_baselines(baselines, sequences, positions, echo)
        every = Scored(positions, scores)
        # The positions of every protocol are among those of the first.
        return {protocol: every.at(scored_positions(sequences, split, protocol)) for protocol in EVENT_PROTOCOLS}

    return EventSubject(sequences, network, config_to_dict(config), metrics, compare, options)


def _network_of(model: Path, sequences: EventSequences) -> EventNetwork:
    """Loads the network of a saved model, whose users and items are those of the events it was trained on.

    Raises:
      ValueError: for a model of other users or items.
    """
    saved = SavedCollaborativeRNN(model)
    for found, expected in ((saved.user_ids, sequences.user_ids), (saved.item_ids, sequences.item_ids)):
        if not np.array_equal(found, expected):
            raise ValueError(
                f"{model}: expected the model as it was trained on {len(expected):,} users or items of the run's data, "
                f"found one of {len(found):,}, or of others; `rrn train --resume` writes the trained one anew"
            )
    if saved.is_mixture:
        return saved.load_network()
    return saved.load_users(sequences.user_ids).model


def _check_users(asked: Iterable[str], known: npt.NDArray[np.object_]) -> None:
    if unknown := set(asked).difference(known):
        raise ValueError(f"--users: expected users of the run's data, found {min(unknown)!r}")


def _metrics(files: RunFiles) -> dict[str, Any]:
    return dict(json.loads(files.metrics.read_text())) if files.metrics.exists() else {}
