"""Refuses a training that cannot fit into this process's memory, before it begins."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from rrn_tf.config import Config
from rrn_tf.data.metadata import SequenceMetadata
from rrn_tf.environment import memory_limit_bytes
from rrn_tf.features import SIDES, Side
from rrn_tf.models.rrn import INNOVATIONS

# Bytes, as docs/memory.md has them. What is given back before the peak, or differs from machine to machine, is left
# out, so that what is needed is more than what is computed here.
_RATING, _STEP, _LEVELS = 34, 24, 28
_OF_USERS = 17  # of a rating's bytes
_NUMBER = 4
_HELP = {
    "sequences": "train on fewer ratings, or give the process more memory",
    "cached states": "longer data.user_granularity and data.item_granularity make fewer steps, and a smaller "
    "model.dynamic makes each smaller",
    "tables": "a smaller model.embedding, model.units or model.stationary makes them smaller",
}


class TooLargeError(RuntimeError):
    """Raised if a training needs more memory than there is."""


def least_memory(
    metadata: SequenceMetadata,
    config: Config,
    steps: Mapping[Side, int] | None = None,
    *,
    on_host: bool = True,
    workers: int = 1,
    chief: bool = True,
) -> dict[str, int]:
    """Computes bytes that a training takes at least, at its end, by what takes them.

    Args:
      metadata: that of the prepared data.
      config: the complete configuration.
      steps: number of steps of each side; by default unknown, and none are counted.
      on_host: whether variables are in this process's memory, not on GPUs.
      workers: among how many workers the ratings are divided.
      chief: whether this one of them saves the model, for which it holds the ratings of all users beside its own.
    """
    model, rows = config.model, [steps[side] if steps else 0 for side in SIDES]
    dynamic = model.dynamic * model.ensemble
    ratings = sum(metadata.ratings.values())
    vectors = sum(rows) * _NUMBER * dynamic if on_host else 0  # of a protocol
    # Predictions need those of the frozen and of the streaming protocol; saving the model needs those of the first.
    moments = [(_RATING * ratings // workers, 2 * vectors)]
    if chief and workers > 1:
        moments.append((_RATING * ratings // workers + _OF_USERS * ratings, vectors))
    held, vectors = max(moments, key=sum)
    if model.inputs == INNOVATIONS and on_host:
        # Vectors as they are computed, of both protocols, and the steps of the streaming one in order of level.
        vectors += sum(rows) * (_LEVELS + 2 * _NUMBER * dynamic)
    entities = [metadata.entities(side) for side in SIDES]
    # An embedding and a stationary factor have Adam's two slots and none beside them; of each entity a state is kept.
    of_trained = (0 if model.inputs == INNOVATIONS else 3 * model.embedding * model.ensemble) + model.stationary
    of_all = model.units * model.ensemble
    tables = _NUMBER * sum(of.trained * of_trained + of.total * of_all for of in entities)
    return {"sequences": held + _STEP * sum(rows), "cached states": vectors, "tables": tables if on_host else 0}


def check_memory(
    metadata: SequenceMetadata,
    config: Config,
    steps: Mapping[Side, int] | None = None,
    limit: int | None = None,
    *,
    workers: int = 1,
    chief: bool = True,
) -> None:
    """Refuses a training that needs more memory than there is.

    Args:
      metadata, config, steps, workers, chief: as for `least_memory`.
      limit: bytes that there are; by default `memory_limit_bytes`.

    Raises:
      TooLargeError: in one line, with what is needed, what there is and which settings help.
    """
    limit = memory_limit_bytes() if limit is None else limit
    on_host = not tf.config.list_physical_devices("GPU")
    needed = least_memory(metadata, config, steps, on_host=on_host, workers=workers, chief=chief)
    total = sum(needed.values())
    if limit is None or total <= limit:
        return
    most = max(needed, key=needed.__getitem__)
    raise TooLargeError(
        f"training needs at least {total / 1e9:,.1f} GB of memory, and this process can have {limit / 1e9:,.1f} GB; "
        f"{needed[most] / 1e9:,.1f} GB are {most}: {_HELP[most]}"
    )
