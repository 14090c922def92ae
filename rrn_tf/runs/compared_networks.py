"""Scores of the mixture and of the Collaborative RNN's forms: trained networks of runs, and newly trained ones."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import tensorflow as tf

from rrn_tf.collaborative_config import (
    CollaborativeConfig,
    CollaborativeModelConfig,
)
from rrn_tf.config import CRNN_PLUS, load_config
from rrn_tf.data.event_context import with_context
from rrn_tf.data.event_scores import Positions
from rrn_tf.data.events import EventSequences
from rrn_tf.data.shared_counts import SharedCounts
from rrn_tf.evaluation.event_leaderboard import EventScores, score
from rrn_tf.evaluation.network_scores import EnsembleEventModel, event_model
from rrn_tf.layers.collaborative import PERSONAL, SHARED
from rrn_tf.models.collaborative_rnn import GRU, RNN
from rrn_tf.runs.directory import RunPaths
from rrn_tf.runs.repeated_runs import repeated_settings
from rrn_tf.states.event_states import EventNetwork
from rrn_tf.training.listeners import Listener
from rrn_tf.training.truncated_bptt import make_model, train

MIXTURE = "mixture"
# The paper's P is taken to mean pooled: one recurrent matrix for all users.
FORMS: dict[str, dict[str, Any]] = {
    "C-GRU": {"cell": GRU, "matrices": PERSONAL},
    "P-GRU": {"cell": GRU, "matrices": SHARED},
    "C-tanh": {"cell": RNN, "matrices": PERSONAL},
}
REFERENCES = {MIXTURE: "preset crnn-plus of this package", **dict.fromkeys(FORMS, "Ko et al., ACML 2016")}


def form_of(sizes: CollaborativeModelConfig) -> str:
    """Returns the paper's name of a network, or `MIXTURE` for a mixture."""
    if sizes.mixture:
        return MIXTURE
    return f"{'P' if sizes.matrices == SHARED else 'C'}-{'GRU' if sizes.cell == GRU else 'tanh'}"


def scores_of_runs(runs: Sequence[RunPaths], sequences: EventSequences, positions: Positions) -> dict[str, EventScores]:
    """Scores events by the networks of runs; where several have the same form, their names include the directory.

    Runs that differ only in their seed get one more entry, for the mean of their probabilities.

    Args:
      runs: run directories, trained on `sequences`.
      sequences: the events.
      positions: int64[N], the events to score.

    Raises:
      FileNotFoundError: if a run directory holds no weights.
      ValueError: if the same run is given twice.
    """
    configs = [load_config(run.config, kind=CollaborativeConfig) for run in runs]
    counts = None
    if mixtures := [config.model for config in configs if config.model.mixture]:
        window, clock = mixtures[0].window, mixtures[0].clock
        if any((model.window, model.clock) != (window, clock) for model in mixtures):
            raise ValueError("expected mixtures of one window and clock, found several")
        counts = SharedCounts(sequences)
        sequences = with_context(sequences, counts, window, clock=clock)
    networks = [
        event_model(best_network(run, config, sequences), counts if config.model.mixture else None, name)
        for name, run, config in zip(_names(runs, configs), runs, configs, strict=True)
    ]
    seconds = [_seconds_of(run) for run in runs]
    scores = {
        network.name: score(network, sequences, positions, of) for network, of in zip(networks, seconds, strict=True)
    }
    for label, mine in _repeated(runs, configs).items():
        together = EnsembleEventModel([networks[n] for n in mine], f"{label}, {len(mine)} seeds together")
        known = [of for n in mine if (of := seconds[n]) is not None]
        scores[together.name] = score(together, sequences, positions, sum(known) if len(known) == len(mine) else None)
    return scores


def names_of_repeated(runs: Sequence[RunPaths]) -> dict[str, list[str]]:
    """Returns the names in `scores_of_runs` of the runs of each repeated setting (`rrn_tf.runs.repeated_runs`)."""
    configs = [load_config(run.config, kind=CollaborativeConfig) for run in runs]
    names = _names(runs, configs)
    return {label: [names[number] for number in mine] for label, mine in _repeated(runs, configs).items()}


def scores_of_forms(
    forms: Iterable[str],
    config: CollaborativeConfig,
    sequences: EventSequences,
    positions: Positions,
    echo: Callable[[str], None],
    listeners: Sequence[Listener] = (),
) -> dict[str, EventScores]:
    """Trains the mixture or forms of the network, each to its best epoch on validation, and scores events by them.

    Args:
      forms: `MIXTURE`, and keys of `FORMS`.
      config: the configuration of the mixture, or of the forms but for the settings that distinguish them; models of
        the other kind get its data settings and its seed, and otherwise their defaults.
      sequences: the events.
      positions: int64[N], the events to score.
      echo: called with a line about each form before it is trained.
      listeners: notified of the training's progress.
    """
    scores = {}
    for form in forms:
        echo(form)
        own = config_of_form(form, config)
        with tempfile.TemporaryDirectory(prefix="rrn-network-") as folder:
            result = train(sequences, folder, own, listeners=listeners)
        seconds = sum(record.seconds + record.valid_seconds for record in result.history)
        scores[form] = score(event_model(result.model, result.counts, form), result.sequences, positions, seconds)
    return scores


def best_network(run: RunPaths, config: CollaborativeConfig, sequences: EventSequences) -> EventNetwork:
    """Returns the network of a run with its best weights.

    Raises:
      FileNotFoundError: if the run directory holds none.
    """
    newest = tf.train.latest_checkpoint(str(run.checkpoints / "best"))
    if newest is None:
        raise FileNotFoundError(f"{run.checkpoints}: expected the weights of a trained Collaborative RNN, found none")
    model = make_model(config, sequences)
    tf.train.Checkpoint(model=model).restore(newest).expect_partial()
    return model


def config_of_form(form: str, given: CollaborativeConfig) -> CollaborativeConfig:
    """Returns the configuration of `MIXTURE` or a key of `FORMS`, derived from one for a model of either kind."""
    config = given
    if given.model.mixture != (form == MIXTURE):
        config = load_config(CRNN_PLUS, kind=CollaborativeConfig) if form == MIXTURE else CollaborativeConfig()
        config = replace(config, data=given.data, training=replace(config.training, seed=given.training.seed))
    return config if form == MIXTURE else replace(config, model=replace(config.model, **FORMS[form]))


def _repeated(runs: Sequence[RunPaths], configs: Sequence[CollaborativeConfig]) -> dict[str, list[int]]:
    return repeated_settings([form_of(config.model) for config in configs], _names(runs, configs), configs)


def _names(runs: Sequence[RunPaths], configs: Sequence[CollaborativeConfig]) -> list[str]:
    roots = [str(run.root.resolve()) for run in runs]
    if len(set(roots)) < len(roots):
        raise ValueError(f"expected different runs, found {max(roots, key=roots.count)} twice")
    forms = [form_of(config.model) for config in configs]
    several = Counter(forms)
    return [
        f"{form} {os.path.relpath(root, os.path.commonpath(roots))}" if several[form] > 1 else form
        for form, root in zip(forms, roots, strict=True)
    ]


def _seconds_of(run: RunPaths) -> float | None:
    """Returns the seconds of all epochs, including those before a resume; None if the run has not finished."""
    if not run.metrics.exists():
        return None
    epochs = json.loads(run.metrics.read_text())["epochs"]
    return sum(epoch["seconds"] + epoch["valid_seconds"] for epoch in epochs)
