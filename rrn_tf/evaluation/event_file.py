"""Later events in a CSV file, each predicted by a saved Collaborative RNN from all before it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rrn_tf.data.events import EventSequences
from rrn_tf.evaluation.network_scores import network_figures
from rrn_tf.evaluation.queries import EvaluationOutcome, QueryFileError, read_queries
from rrn_tf.features import ITEM_ID, USER_ID, Split
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
    messages = list(table.messages)
    if unknown := int((table.usable & (item == 0)).sum()):
        messages.append(f"{data}: {unknown:,} events with items that training did not know are left out")
    return EvaluationOutcome({split: {protocol: of} for split, of in figures.items()}, {}, messages)
