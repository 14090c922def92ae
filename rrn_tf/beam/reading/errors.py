"""Extracts the one-line message of a worker's exception from the pages of text in which Beam wraps it."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator

from rrn_tf.data.prepared import BadInputError

_MESSAGE = re.compile(rf"{BadInputError.__name__}: (?P<message>.*?)(?: \[while running [^\n]*)?$", re.MULTILINE)


@contextlib.contextmanager
def surfaced_errors() -> Iterator[None]:
    """Raises a worker's `BadInputError` unwrapped from the pipeline that runs inside, and hides Beam's traceback.

    Raises:
      BadInputError: with only the worker's message.
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
        if message is None:
            raise
        raise BadInputError(message) from None
    finally:
        beam_log.setLevel(level)


def _first_message(text: str) -> str | None:
    found = _MESSAGE.search(text)
    return found["message"] if found else None
