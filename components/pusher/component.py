"""Pusher copies a blessed model into a directory that a server watches, whole or not at all."""

from __future__ import annotations

from tfx.components import Pusher as TfxPusher
from tfx.dsl.components.base import executor_spec

from components.pusher.executor import Executor


class Pusher(TfxPusher):
    """TFX's Pusher with the inputs, output and parameters of that, and an executor that writes local versions whole."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
