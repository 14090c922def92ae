"""Later events in a CSV file, each predicted by a saved Collaborative RNN from all before it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.data.arrays import take_rows
from rrn_tf.data.event_context import with_context
from rrn_tf.data.events import EventSequences
from rrn_tf.data.later_events import NamedEvents, among, join, number
from rrn_tf.data.shared_counts import SharedCounts
from rrn_tf.evaluation.network_scores import network_figures
from rrn_tf.evaluation.queries import EvaluationOutcome, QueryFileError, QueryTable, read_queries
from rrn_tf.features import ITEM_ID, USER_ID, Split
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.serving.saved_events import SavedCollaborativeRNN


def evaluate_event_file(model: SavedCollaborativeRNN, data: Path, protocol: str) -> EvaluationOutcome:
    """Scores a model on the events since training, in order of time (then of the file).

    Each moves its user's state once it is predicted; nothing is retrained. Users known from training are `test`, the
    others, who start from the mean matrix, `test_cold`. Events with unknown items have no probability and are left
    out.

    Args:
      model: answers.
      data: CSV of `user_id,item_id,timestamp`.
      protocol: see `rrn_tf.evaluation.event_protocols`.
    """
    table = read_queries(data)
    item_ids = model.item_ids
    item = pd.Categorical(table.frame[ITEM_ID], categories=item_ids).codes.astype(np.int64) + 1
    usable = np.flatnonzero(table.usable & (item > 0))
    if not len(usable):
        raise QueryFileError(f"{data}: expected events with items that the model knows, found none")
    if model.is_mixture:
        return _of_mixture(model, data, protocol, table, usable, item)
    user, names = pd.factorize(table.frame[USER_ID].iloc[usable])
    ids = names.to_numpy(object)
    loaded = model.load_users(ids)
    order = np.lexsort((usable, table.timestamp[usable], user))
    sequences = EventSequences(
        user_splits=np.concatenate([[0, 0], np.cumsum(np.bincount(user, minlength=len(ids)))]),
        item=item[usable][order].astype(np.int32),
        timestamp=table.timestamp[usable][order],
        split=np.where(loaded.known, Split.TEST, Split.TEST_COLD)[user[order]].astype(np.uint8),
        user_ids=ids,
        item_ids=item_ids,
    )
    splits = (Split.TEST, Split.TEST_COLD)
    figures = network_figures(loaded.model, sequences, protocol, splits=splits, start=loaded.states)
    return _outcome(figures, protocol, table, data, item)


def _of_mixture(
    model: SavedCollaborativeRNN,
    data: Path,
    protocol: str,
    table: QueryTable,
    usable: npt.NDArray[np.int64],
    item: npt.NDArray[np.int64],
) -> EvaluationOutcome:
    """As `evaluate_event_file`, of a mixture, which knows the events that it was trained on: these are left out."""
    training = model.training_events()
    user_id, item_id = (table.frame[name].to_numpy(object)[usable] for name in (USER_ID, ITEM_ID))
    held, later = number(training, NamedEvents(user_id, item_id, table.timestamp[usable]))
    later = take_rows(later, ~(seen := among(held, later)))
    if not len(later.user):
        raise QueryFileError(f"{data}: expected events that the model was not trained on, found none")
    new_users = held.num_users - training.num_users
    splits, counts, network = (Split.TEST, Split.TEST_COLD), SharedCounts(training), model.load_network(new_users)
    assert isinstance(network, CollaborativeMixture)
    merged = join(held, later, new_users)
    merged = with_context(merged, counts, network.window, clock=network.settings["clock"], splits=splits)
    figures = network_figures(network, merged, protocol, splits=splits, counts=counts)
    found = f"{data}: {int(seen.sum()):,} events that the model was trained on are left out"
    return _outcome(figures, protocol, table, data, item, [found] if seen.any() else [])


def _outcome(
    figures: dict[str, dict[str, Any]],
    protocol: str,
    table: QueryTable,
    data: Path,
    item: npt.NDArray[np.int64],
    messages: Sequence[str] = (),
) -> EvaluationOutcome:
    messages = [*table.messages, *messages]
    if unknown := int((table.usable & (item == 0)).sum()):
        messages.append(f"{data}: {unknown:,} events with items that training did not know are left out")
    return EvaluationOutcome({split: {protocol: of} for split, of in figures.items()}, {}, messages)
