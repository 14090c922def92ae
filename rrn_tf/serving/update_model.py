"""Updates a saved model of either kind by new ratings or events."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from rrn_tf.data.later_events import NamedEvents
from rrn_tf.features import ITEM_ID, RATING, TIMESTAMP, USER_ID
from rrn_tf.serving.export import export_saved_model
from rrn_tf.serving.export_events import export_event_model
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.update import NewRatings, update
from rrn_tf.serving.update_events import update_events

EVENT_COLUMNS = (USER_ID, ITEM_ID, TIMESTAMP)
RATING_COLUMNS = (*EVENT_COLUMNS, RATING)


class Updated(NamedTuple):
    """An updated model and the report of the update.

    Attributes:
      export: writes the updated model as a SavedModel to a directory.
      report: figures of `rrn_tf.serving.update.UpdateReport` or of
        `rrn_tf.serving.update_events.EventUpdateReport`.
    """

    export: Callable[[Path], None]
    report: dict[str, Any]


def take_in(base: SavedRRN | SavedCollaborativeRNN, rows: pa.Table, now: float | None = None) -> Updated:
    """Updates a model by new rows; the base is not changed.

    Args:
      base: a saved model of ratings or of events.
      rows: a table with `RATING_COLUMNS`, or with `EVENT_COLUMNS` for a model of events, with ids as text.
      now: as in `rrn_tf.serving.update.update`.

    Raises:
      ValueError: for a model that cannot be updated.
    """
    columns = RATING_COLUMNS if isinstance(base, SavedRRN) else EVENT_COLUMNS
    arrays = (rows[name].to_numpy() for name in columns)
    if isinstance(base, SavedRRN):
        network, report = update(base, NewRatings(*arrays), now)
        return Updated(partial(export_saved_model, network), {**report.as_dict(), "until": network.until})
    result, of_events = update_events(base, NamedEvents(*arrays))
    return Updated(partial(export_event_model, result), of_events.as_dict())
