"""Evaluation of a saved Collaborative RNN on files of later events, each predicted from all earlier ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rrn_tf.data.arrays import take_rows
from rrn_tf.data.event_context import with_context
from rrn_tf.data.events import EventSequences
from rrn_tf.data.later_events import NamedEvents, among, before_last, join, known_items, number
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading import record_batches
from rrn_tf.data.reading.event_order import number_events
from rrn_tf.data.reading.in_memory import read_files
from rrn_tf.data.reading.rejected import REASON, lines_of_rejected, reason_counts
from rrn_tf.data.shared_counts import SharedCounts
from rrn_tf.data_format import DataFormat
from rrn_tf.evaluation.event_figures import REPEATS, SLICES, Measures
from rrn_tf.evaluation.network_scores import network_figures
from rrn_tf.features import EVENT_COLUMNS, ITEM_ID, POSITION, TIMESTAMP, USER_ID, Split
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.serving.query_file import EvaluationOutcome
from rrn_tf.serving.saved_events import SavedCollaborativeRNN

_SPLITS = (Split.TEST, Split.TEST_COLD)
_OLDER = "was saved by an earlier version, which did not keep its training events"


def evaluate_event_file(
    model: SavedCollaborativeRNN,
    data: str | Path,
    protocol: str,
    measures: Measures | None = None,
    *,
    new_only: bool = False,
    data_format: DataFormat | None = None,
) -> EvaluationOutcome:
    """Scores a model on events after training, in order of time, then of the file.

    Each event updates its user's state after it is predicted; nothing is retrained. Users known from training are in
    split `test`, the others, who start with the mean matrix, in `test_cold`. Events with unknown items have no
    probability and are left out, as are training events. Slices include only users known from training.

    Args:
      model: the saved model.
      data: files of `user_id,item_id,timestamp`; a file or a glob.
      protocol: see `rrn_tf.evaluation.event_protocols`.
      measures: the figures to compute; by default all, at 10.
      new_only: whether to score only events with an item new to the user, ranked among such items.
      data_format: what the user says about the format of the data.

    Raises:
      BadInputError: for a file that cannot be read, if nothing is left to score, or for `new_only` with a model that
        was saved without training events.
    """
    rows, sources = read_files(str(data), EVENT_COLUMNS, data_format)
    position = [record_batches.numbers(number_events(batch, sources), POSITION) for batch in rows.good]
    given = NamedEvents(rows.ids(USER_ID), rows.ids(ITEM_ID), rows.numbers(TIMESTAMP))
    given = take_rows(given, np.argsort(np.concatenate(position)))
    training = model.training_events()
    if new_only and not len(training.item):
        raise BadInputError(f"--new-only: expected a model that knows what its users met, but this one {_OLDER}")
    usable = known_items(training, given.item_id)
    if not usable.any():
        raise BadInputError(f"{data}: expected events with items that the model knows, found none")
    held, later = number(training, take_rows(given, usable))
    later = take_rows(later, ~(seen := among(held, later)))
    if not len(later.user):
        raise BadInputError(f"{data}: expected events that the model was not trained on, found none")
    of_kind = _of_mixture if model.is_mixture else _of_network
    events = join(held, later, held.num_users - training.num_users)
    figures = of_kind(model, training, events, protocol=protocol, measures=measures, new_only=new_only)
    if not figures:
        expected = "whose item is new to their user" if new_only else f"that the protocol {protocol} scores"
        raise BadInputError(f"{data}: expected events {expected}, found none")
    slices = {split: of.pop(SLICES, {}) for split, of in figures.items()}.get(Split.TEST.label, {})
    early = int(before_last(held, later).sum())
    told = {
        "events that the model was trained on are left out": int(seen.sum()),
        "events lie before their user's last training event: not forecasts, but counted above": early,
        "events with items that training did not know are left out": int((~usable).sum()),
        "events repeat an item of their user and are left out": sum(of.get(REPEATS, 0) for of in figures.values()),
    }
    messages = lines_of_rejected(str(data), rows.rejected, rows.total)
    messages += [f"{data}: {number:,} {what}" for what, number in told.items() if number]
    if not len(training.item):
        messages.append(f"{data}: whether the model was trained on these events cannot be told: it {_OLDER}")
    metrics = {split: {protocol: of} for split, of in figures.items()}
    return EvaluationOutcome(metrics, slices, messages, reason_counts(rows.rejected[REASON]))


def _of_mixture(
    model: SavedCollaborativeRNN, training: EventSequences, events: EventSequences, **asked: Any
) -> dict[str, dict[str, Any]]:
    counts, network = SharedCounts(training), model.load_network(events.num_users - training.num_users)
    assert isinstance(network, CollaborativeMixture)
    events = with_context(events, counts, network.window, clock=network.settings["clock"], splits=_SPLITS)
    return network_figures(network, events, splits=_SPLITS, counts=counts, **asked)


def _of_network(
    model: SavedCollaborativeRNN, training: EventSequences, events: EventSequences, **asked: Any
) -> dict[str, dict[str, Any]]:
    # Users may have their own matrices: only those of the users to score are loaded.
    ids = events.user_ids[events.counts(_SPLITS)[1:] > 0]
    loaded = model.load_users(ids)
    events, _ = events.renumbered(ids)
    return network_figures(loaded.model, events, splits=_SPLITS, start=loaded.states, **asked)
