"""Repeated runs: runs of the same setting that differ only in their seed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.data.event_scores import Positions
from rrn_tf.data.events import EventSequences
from rrn_tf.evaluation.event_leaderboard import EventScores
from rrn_tf.evaluation.event_metrics import nll, nll_difference


def repeated_settings(
    forms: Sequence[str], names: Sequence[str], configs: Sequence[CollaborativeConfig]
) -> dict[str, list[int]]:
    """Finds settings with several runs, and returns the indices of these runs.

    Args:
      forms: the kind of network of each run.
      names: the names of the runs, which begin with their form.
      configs: the configurations of the runs; two that differ only in their seed are the same setting.

    Returns:
      ``{label: [index, ...]}``; the label is the form, with the names of the runs if the form has other runs as well.
    """
    groups: dict[str, list[int]] = {}
    for number, config in enumerate(configs):
        unseeded = replace(config, training=replace(config.training, seed=0))
        groups.setdefault(json.dumps(asdict(unseeded), sort_keys=True), []).append(number)
    found = {}
    for group in groups.values():
        form = forms[group[0]]
        alone = len(group) == list(forms).count(form)
        runs = ", ".join(names[number].removeprefix(f"{form} ") for number in group)
        if len(group) > 1:
            found[form if alone else f"{form} {runs}"] = group
    return found


def means_of_runs(
    repeated: Mapping[str, Sequence[str]],
    baselines: Iterable[str],
    scores: Mapping[str, EventScores],
    sequences: EventSequences,
    positions: Positions,
) -> dict[str, dict[str, Any]]:
    """Averages the scores over the runs of each setting, and compares them with the best baseline.

    Args:
      repeated: the names of the runs of each setting.
      baselines: the names of the baselines to compare with.
      scores: the scores of all these models.
      sequences: the events.
      positions: int64[N], the events that were scored.

    Returns:
      For each setting ``runs``, mean ``nll``, its ``standard_deviation`` between runs, ``best_baseline``, the
      ``difference`` to it, and ``standard_error`` of that difference: paired, event by event of the same users.
    """
    user = sequences.user[positions]
    losses = {name: nll(of.log_probability, user).value for name, of in scores.items()}
    best = min(baselines, key=losses.__getitem__)
    means = {}
    for label, names in repeated.items():
        mean = np.mean([scores[name].log_probability for name in names], axis=0, dtype=np.float64)
        difference = nll_difference(mean, scores[best].log_probability, user)
        of_runs = [losses[name] for name in names]
        means[label] = {
            "runs": len(names),
            "nll": float(np.mean(of_runs)),
            "standard_deviation": float(np.std(of_runs, ddof=1)),
            "best_baseline": best,
            "difference": difference.value,
            "standard_error": difference.standard_error,
        }
    return means
