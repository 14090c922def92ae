"""Waits for a job of a portable runner, and ends the wait when the pool of its workers and they are gone.

Prism 2.61 waits without end when a pool of workers is lost while several bundles of rows are being worked on.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions
from apache_beam.portability.api import beam_job_api_pb2

from rrn_tf.beam.cancelling import ANSWER, cancel, cancelled_if_ended

PATIENCE = 120.0  # seconds without a pool and without progress after which both are taken for lost
_EACH = 5.0  # seconds between two looks


class LostWorkersError(RuntimeError):
    """Error for a job whose pool of workers is gone, and which its runner still waits for; the message is one line."""


def wait_until_finish(
    result: Any, options: PipelineOptions, *, patience: float = PATIENCE, each: float = _EACH
) -> None:
    """Waits until a job ends; where the address of its pool of workers can be reached from here, watches the pool too.

    A job is given up only if the pool, which has answered before, refuses every connection for `patience` seconds,
    while none of the job's metrics changes: workers that outlive their pool are heard of by them. If this process is
    interrupted or told to end while it waits, the job is cancelled; one that is killed leaves its job to the runner.

    Args:
      result: what `Pipeline.run` has returned.
      options: the pipeline's options.
      patience: seconds.
      each: seconds between two looks.

    Raises:
      LostWorkersError: if the job was given up. It is cancelled.
      Exception: that of the job's own end.
      KeyboardInterrupt, SystemExit: if this process is interrupted or told to end.
    """
    if not hasattr(result, "_job_service"):
        result.wait_until_finish()
        return
    address = _pool(options)
    with cancelled_if_ended(result, options):
        if address is None or _refuses(address):
            result.wait_until_finish()
        else:
            _watch(result, options, address, patience, each)


def _watch(result: Any, options: PipelineOptions, address: tuple[str, int], patience: float, each: float) -> None:
    """Waits as `wait_until_finish` does, for a job whose pool answers."""
    ended: list[BaseException | None] = []

    def wait() -> None:
        try:
            result.wait_until_finish()
            ended.append(None)
        except BaseException as error:
            ended.append(error)

    waiting = threading.Thread(target=wait, name="job", daemon=True)
    waiting.start()
    lost = Loss(lambda: _refuses(address), lambda: _metrics(result), patience)
    while waiting.is_alive():
        waiting.join(each)
        if waiting.is_alive() and lost.after(time.monotonic()):
            cancel(result, options)
            raise LostWorkersError(
                f"Beam: the pool of workers at {':'.join(map(str, address))} is gone, and the job has made no progress "
                f"for {patience:.0f} s; start the pool, and run the command again"
            )
    if ended[0] is not None:
        raise ended[0]


class Loss:
    """Judges whether a pool and its workers are lost.

    Args:
      refuses: returns whether the pool refuses connections.
      progress: returns anything that changes while workers work; None if it is not known.
      patience: seconds for which both must last.
    """

    def __init__(self, refuses: Callable[[], bool], progress: Callable[[], Any], patience: float) -> None:
        self._refuses, self._progress, self._patience = refuses, progress, patience
        self._since: float | None = None
        self._last: Any = None

    def after(self, now: float) -> bool:
        """Looks once more, at a time in seconds, and returns whether the workers are lost."""
        if not self._refuses():
            self._since = None
            return False
        found = self._progress()
        if self._since is None or found is None or found != self._last:
            self._since, self._last = now, found
        return now - self._since >= self._patience


def _pool(options: PipelineOptions) -> tuple[str, int] | None:
    """Returns the address of the pool that the options name, None if they name none."""
    given = options.view_as(PortableOptions)
    if given.environment_type != "EXTERNAL":
        return None
    host, _, port = str(given.environment_config or "").rpartition(":")
    return (host, int(port)) if host and port.isdecimal() else None


def _refuses(address: tuple[str, int]) -> bool:
    """Returns whether nobody listens at an address; what cannot be said, as by a network that is slow, is no."""
    try:
        socket.create_connection(address, timeout=ANSWER).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def _metrics(result: Any) -> list[bytes] | None:
    """Returns all of a job's metrics in one order (Prism's is a new one each time); None if they are not to be had."""
    # `result.metrics()` keeps its first answer.
    request = beam_job_api_pb2.GetJobMetricsRequest(job_id=result._job_id)
    try:
        metrics = result._job_service.GetJobMetrics(request, timeout=ANSWER).metrics
    except Exception:  # a server that is gone ends the job itself
        return None
    return sorted(one.SerializeToString(deterministic=True) for one in (*metrics.attempted, *metrics.committed))
