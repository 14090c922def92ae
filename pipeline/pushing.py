"""Where blessed models go, of every pipeline."""

from __future__ import annotations

from tfx.components import Pusher
from tfx.proto import pusher_pb2
from tfx.types import BaseChannel


def push(model: BaseChannel, blessing: BaseChannel, directory: str) -> Pusher:
    """Copies a blessed model into a directory, one numbered version a push."""
    return Pusher(
        model=model,
        model_blessing=blessing,
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=directory)
        ),
    )
