"""Compares all baselines and the networks of runs on the same split."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rrn_tf.baselines.events.protocol import EventBaseline
from rrn_tf.baselines.ratings.registry import standard_baselines, standard_online_baselines
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.data.event_scores import Positions
from rrn_tf.data.events import EventSequences
from rrn_tf.data.prepared import DEAD_LETTERS_FILE
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.evaluation.event_leaderboard import EventLeaderboardRow, EventScores, event_leaderboard, fit_and_score
from rrn_tf.evaluation.event_protocols import scored_positions
from rrn_tf.evaluation.experiments.subjects import Predicted
from rrn_tf.evaluation.leaderboard import (
    LeaderboardRow,
    RatingPredictions,
    fit_and_predict,
    fit_and_stream,
    leaderboard,
)
from rrn_tf.evaluation.protocols import FROZEN, STREAMING, WITH_UNSEEN, held_out_split
from rrn_tf.features import Split
from rrn_tf.runs.directory import RunPaths
from rrn_tf.runs.repeated_runs import means_of_runs
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.streaming import predict_streaming
from rrn_tf.slow_work import each
from rrn_tf.tasks import Settings, Task
from rrn_tf.training.listeners import Listener

RRN_NAME = "RRN"
STREAMING_UNSEEN = f"{STREAMING}, unseen users and items included"
LATER = tuple(split for split in Split if split is not Split.TRAIN)


class EventComparison(NamedTuple):
    """The result of comparing models of events.

    Attributes:
      rows: the rows of the leaderboard.
      means: figures averaged over the runs of each repeated setting (`rrn_tf.runs.repeated_runs.means_of_runs`).
      references: the publication that describes each model, by the model's name.
    """

    rows: list[EventLeaderboardRow]
    means: dict[str, dict[str, Any]]
    references: dict[str, str]


def scored_split(sequences: RatingSequences) -> Split:
    """Returns the split to compare models on: test, or validation if there are no test ratings (as with `--valid`).

    Raises:
      ValueError: if there are neither test nor validation ratings.
    """
    split = held_out_split(sequences)
    if split is None:
        raise ValueError("a comparison should have test or validation ratings, found none")
    return split


def compare_ratings(
    sequences: RatingSequences, run: RunPaths | None, seed: int, echo: Callable[[str], None]
) -> dict[str, list[LeaderboardRow]]:
    """Compares rating baselines, and the RRN of a run, on the ratings of `scored_split`, by each protocol.

    Args:
      sequences: the data; baselines are fitted to its training ratings, their options chosen on validation.
      run: the run directory of the RRN to compare, if any.
      seed: the seed of the baselines that draw random numbers.
      echo: called with a line about each model before it is fitted.

    Returns:
      Rows by protocol: frozen, streaming and, if there are ratings of unseen users or items, streaming with those
      included.

    Raises:
      ValueError: if there are neither test nor validation ratings, and for a run whose model was updated.
    """
    of = scored_split(sequences)
    if of is Split.VALID:
        echo("no test ratings: compared on validation ratings, which chose options and epochs; figures are optimistic")
    network = (trained_model(run.model), training_seconds(run.metrics)) if run else None
    return rating_leaderboards(predict_held_out(sequences, network, seed, echo), of)


def predict_held_out(
    sequences: RatingSequences,
    network: tuple[SavedRRN, float | None] | None,
    seed: int,
    echo: Callable[[str], None],
    everything: bool = True,
) -> dict[str, Predicted]:
    """Predicts held-out ratings by an RRN and by all baselines, each of which is fitted once.

    Under streaming all later ratings are revealed, including validation ratings and those of unseen users and items:
    to the RRN at strictly later steps, to the baselines at strictly later timestamps.

    Args:
      sequences: the data; baselines are fitted to its training ratings, their options chosen on validation.
      network: the RRN to compare, as it was trained (`trained_model`), and the seconds of its training, if they
        are known.
      seed: the seed of the baselines that draw random numbers.
      echo: called with a line about each model before it is fitted.
      everything: whether to include the slow baselines.

    Returns:
      Predictions by protocol: frozen those of `scored_split` alone, streaming those of all later ratings.

    Raises:
      ValueError: if there are neither test nor validation ratings.
    """
    of = scored_split(sequences)
    train, valid, test = (sequences.interactions([split]) for split in (Split.TRAIN, Split.VALID, of))
    frozen, streaming = {}, {}
    if network:
        saved, seconds = network
        cost = (seconds, saved.num_parameters)
        frozen[RRN_NAME] = RatingPredictions(saved.predict(**sequences.queries([of])), *cost)
        revealed = sequences.user.rating[sequences.rating_indices(LATER)]
        streaming[RRN_NAME] = RatingPredictions(
            predict_streaming(saved, **sequences.queries(LATER), rating=revealed), *cost
        )
    for baseline in each(standard_baselines(seed, everything), "baselines, frozen"):
        echo(baseline.name)
        frozen[baseline.name] = fit_and_predict(baseline, train, valid, test)
    at_cutoff = Predicted(test, np.full(len(test), of, np.uint8), frozen)

    train, valid, later = (
        sequences.interactions(splits, unseen=True) for splits in ([Split.TRAIN], [Split.VALID], LATER)
    )
    for online in each(standard_online_baselines(seed), "baselines, streaming"):
        echo(online.name)
        streaming[online.name] = fit_and_stream(online, train, valid, later)
    split = sequences.user.split[sequences.rating_indices(LATER)]
    return {FROZEN: at_cutoff, STREAMING: Predicted(later, split, streaming)}


def rating_leaderboards(predicted: Mapping[str, Predicted], of: Split) -> dict[str, list[LeaderboardRow]]:
    """Compares the models on the ratings of one split, by protocol, as `compare_ratings` does.

    Args:
      predicted: the result of `predict_held_out`.
      of: the split, as of `scored_split`.
    """
    known, all_of = predicted[STREAMING].of(of), predicted[STREAMING].of(of, WITH_UNSEEN[of])
    parts = {FROZEN: predicted[FROZEN].of(of), STREAMING: known}
    if len(all_of.ratings) > len(known.ratings):
        parts[STREAMING_UNSEEN] = all_of
    return {protocol: leaderboard(part.ratings, part.models) for protocol, part in parts.items()}


def trained_model(path: Path) -> SavedRRN:
    """Loads a saved RRN.

    Raises:
      ModelNotFoundError: as of `SavedRRN`.
      ValueError: for a model whose states include ratings after its training.
    """
    saved = SavedRRN(path)
    if saved.until > saved.cutoff:
        raise ValueError(
            f"{path}: expected the model as it was trained, found one updated by later ratings, which cannot "
            "predict test ratings as of training; `rrn train --resume` writes the trained one anew"
        )
    return saved


def compare_events(
    sequences: EventSequences,
    protocol: str,
    runs: Sequence[RunPaths],
    config: CollaborativeConfig | None,
    seed: int,
    echo: Callable[[str], None],
    listeners: Sequence[Listener] = (),
    everything: bool = False,
) -> EventComparison:
    """Compares models of events, including the mixture and the Collaborative RNN's forms, on the last held-out events.

    Args:
      sequences: the events; baselines are fitted to its training events, their options chosen on validation.
      protocol: ``clean`` or ``interleaved``.
      runs: run directories of the networks to compare; differences are relative to the first.
      config: the configuration of the networks that are missing in `runs` and trained here; None leaves them out.
      seed: the seed of the baselines that draw random numbers.
      echo: called with a line about each model before it is fitted.
      listeners: notified of the training's progress.
      everything: whether to include the paper's forms of the network and the slow baselines, besides the mixture and
        the fast or strong baselines.
    """
    from rrn_tf.baselines.events.registry import standard_event_baselines
    from rrn_tf.runs.compared_networks import (
        FORMS,
        MIXTURE,
        REFERENCES,
        names_of_repeated,
        scores_of_forms,
        scores_of_runs,
    )

    positions = scored_positions(sequences, scored_event_split(sequences), protocol)
    scores = scores_of_runs(runs, sequences, positions)
    if config:
        present = {name.split()[0] for name in scores}
        missing = [form for form in (MIXTURE, *(FORMS if everything else ())) if form not in present]
        scores |= scores_of_forms(missing, config, sequences, positions, echo, listeners)
    references = {name: REFERENCES[name.split()[0].rstrip(",")] for name in scores}
    baselines = standard_event_baselines(seed, everything)
    scores |= scores_of_baselines(baselines, sequences, positions, echo)
    references |= {baseline.name: baseline.reference for baseline in baselines}
    names = [baseline.name for baseline in baselines]
    means = means_of_runs(names_of_repeated(runs), names, scores, sequences, positions)
    return EventComparison(event_leaderboard(sequences, positions, scores), means, references)


def scored_event_split(sequences: EventSequences) -> Split:
    """Returns the split to compare models of events on: test, or validation if there are no test events."""
    return Split.TEST if sequences.has(Split.TEST) else Split.VALID


def scores_of_baselines(
    baselines: Iterable[EventBaseline], sequences: EventSequences, positions: Positions, echo: Callable[[str], None]
) -> dict[str, EventScores]:
    """Fits each baseline and scores events by it, after calling `echo` with its name."""
    scores = {}
    for baseline in each(baselines, "baselines"):
        echo(baseline.name)
        scores[baseline.name] = fit_and_score(baseline, sequences, positions)
    return scores


def training_seconds(metrics: Path) -> float | None:
    """Returns the seconds that a run was trained; None if it has not written its `metrics.json` yet."""
    if not metrics.exists():
        return None
    return float(json.loads(metrics.read_text())["seconds"]["train"])


def load_compared(task: Task, pattern: str, config: Settings, runs: Sequence[RunPaths]) -> Any:
    """Loads the sequences of runs, or prepares files into a temporary directory and loads those.

    Args:
      task: the task of the data.
      pattern: the files to prepare; ignored if there are runs.
      config: the configuration of the preparation; ignored if there are runs.
      runs: the run directories to load sequences from, if any.

    Raises:
      ValueError: if the runs differ in their data or in which of these are held out.
    """
    if runs:
        first, *others = (task.load(run.sequences) for run in runs)
        for run, other in zip(runs[1:], others, strict=True):
            if not other.equals(first):
                raise ValueError(
                    f"{run.sequences}: expected the {task.rows} and the split of {runs[0].sequences}, found others"
                )
        return first
    with tempfile.TemporaryDirectory(prefix="rrn-baselines-") as folder:
        task.prepare(pattern, folder, config.data, dead_letters=str(Path(folder, DEAD_LETTERS_FILE)))
        return task.load(folder)
