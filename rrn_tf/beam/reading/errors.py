"""Extracts the one-line message of a worker's exception from the pages of text in which Beam wraps it."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator

import grpc

from rrn_tf.data.prepared import BadInputError

_MESSAGE = re.compile(rf"{BadInputError.__name__}: (?P<message>.*?)(?: \[while running [^\n]*)?$", re.MULTILINE)
# How a portable runner's job that failed is told; what follows may be a worker's traceback, or the loss of a worker.
_FAILED = re.compile(r"Pipeline \S+ failed in state (?P<state>\w+): (?P<why>.*)", re.DOTALL)


@contextlib.contextmanager
def surfaced_errors() -> Iterator[None]:
    """Raises a worker's `BadInputError` unwrapped from the pipeline that runs inside, and hides Beam's traceback.

    Raises:
      BadInputError: with only the worker's message.
      RuntimeError: in one line, if a portable runner ends the job, as when a worker is lost, or its server is gone.
    """
    beam_log = logging.getLogger("apache_beam")
    level = beam_log.level
    beam_log.setLevel(logging.CRITICAL)
    try:
        yield
    except BadInputError as error:
        raise BadInputError(_first_message(f"{BadInputError.__name__}: {error}") or str(error)) from None
    except Exception as error:
        message = _first_message(str(error))
        if message is not None:
            raise BadInputError(message) from None
        told = _end_of_job(error)
        if told is None:
            raise
        raise RuntimeError(told) from error
    finally:
        beam_log.setLevel(level)


def _first_message(text: str) -> str | None:
    found = _MESSAGE.search(text)
    return found["message"] if found else None


def _end_of_job(error: Exception) -> str | None:
    """Returns one line on how a portable runner ended a job, None for an exception that says nothing of it."""
    if isinstance(error, grpc.FutureTimeoutError):
        return "Beam: expected a job server at --job_endpoint, found none that answers"
    if isinstance(error, grpc.RpcError) and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "Beam: the job took longer than --job_server_timeout; run the command again, or give a longer one"
    if isinstance(error, grpc.RpcError):
        return f"Beam: the job server is lost ({error.code().name.lower()}); start it, and run the command again"
    found = _FAILED.match(str(error))
    if found is None:
        return None
    *_, why = found["why"].strip().splitlines()
    return f"Beam: the job ended as {found['state']}: {why}; run the command again once its cause is gone"
