"""One line for each exception that ends a command, and `--debug`, which shows the traceback instead."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from rrn_tf.redaction import without_secrets

DEBUG = "RRN_DEBUG"  # environment variable that does what `--debug` does, in processes that a command starts too
_OWN = ("rrn_tf", "components", "pipeline", "benchmarks")  # packages whose errors are written for users
_HINTS = {
    errno.ENOSPC: "free some space, or write to another disk",
    errno.EDQUOT: "free some space, or write to another disk",
    errno.EROFS: "choose another output",
    errno.EACCES: "choose another path, or change its permissions",
    errno.EPERM: "choose another path, or change its permissions",
}
_FULL = (errno.ENOSPC, errno.EDQUOT)
# How SQLite, in which TFX keeps its records, says that a disk is full: at once, or of a transaction that it took back.
_SQLITE_FULL = ("database or disk is full", "cannot commit - no transaction is active")
_OUTPUT = "output"  # parameter of commands that write to a folder or to files


def add_debug(command: click.Command) -> None:
    """Adds `--debug` to a command and, for a group, to each of its commands."""
    if isinstance(command, click.Group):
        for below in command.commands.values():
            add_debug(below)
        return
    option = click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        envvar=DEBUG,
        callback=_remember,
        help="Shows the traceback of an error.",
    )
    option(command)


def debugging() -> bool:
    """Returns whether the running command was given `--debug`."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(DEBUG))


def line_of(error: BaseException, output: Path | None = None) -> str:
    """Describes an exception in one line.

    An error that this package raised about its input says all itself. Disks that are full and paths that cannot be
    used are named with what to do. Every other exception is named with its class, and with `--debug`. Secrets in
    addresses and options are left out.

    Args:
      error: the exception.
      output: the folder of output; None takes it from the running command.
    """
    return without_secrets(_line_of(error, output))


def _line_of(error: BaseException, output: Path | None) -> str:
    text = _first_line(error)
    for code, hint in _HINTS.items():
        if _is(error, code):
            where = getattr(error, "filename", None)
            room = _room(output) if code in _FULL and not where else ""
            return f"{f'{where}: ' if where else ''}{os.strerror(code).lower()}: {hint}{room}"
    if isinstance(error, OSError):
        what = (error.strerror or "").lower()
        return f"{error.filename}: {what}" if error.filename and what else text
    if isinstance(error, MemoryError):
        return "out of memory: give the command more memory, or fewer rows at a time"
    if isinstance(error, ValueError | RuntimeError) and _raised_here(error):
        return text
    told = "" if text == type(error).__name__ else f": {text}"
    return f"unexpected {type(error).__name__}{told} (--debug shows where)"


def _remember(context: click.Context, _: click.Parameter, value: bool) -> None:
    context.meta[DEBUG] = value


def _first_line(error: BaseException) -> str:
    """Returns the first line of an error's message, without Beam's addition of where it was raised."""
    lines = str(error).strip().splitlines()
    return lines[0].split(" [while running")[0] if lines else type(error).__name__


def _is(error: BaseException, code: int) -> bool:
    """Returns whether an error of the operating system is, or caused, an exception.

    TensorFlow, Arrow and Beam pass such errors on as others, with the system's own words in the text.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno == code
    # Beam raises a worker's error of the system as a RuntimeError with the same words, from wherever it was raised.
    if _first_line(error).startswith((f"[Errno {code}] ", f"OSError: [Errno {code}] ")):
        return True
    # Messages of this package may quote a file that holds such words.
    words = (os.strerror(code), *(_SQLITE_FULL if code == errno.ENOSPC else ()))
    return not _raised_here(error) and any(word in str(cause) for cause in _chain(error) for word in words)


def _room(given: Path | None) -> str:
    """Returns how much space the folders of output, by default the running command's, and of temporary files have left.

    A full disk's error seldom says which file was being written, so both are named, with what is free by now.
    """
    context = click.get_current_context(silent=True)
    output = context.params.get(_OUTPUT) if context is not None else None
    output = output if given is None else str(given)
    if not isinstance(output, str) or "://" in output:
        return ""
    folder = Path(output).absolute()
    while not folder.is_dir():
        folder = folder.parent
    with contextlib.suppress(OSError):  # such as no folder at all in which temporary files can be written
        free = {str(place): shutil.disk_usage(place).free for place in (folder, Path(tempfile.gettempdir()))}
        return f" (free now: {', '.join(f'{of / 1e6:,.1f} MB in {place}' for place, of in free.items())})"
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _raised_here(error: BaseException) -> bool:
    """Returns whether this package raised an exception, rather than a library that it called."""
    trace: Any = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = trace.tb_frame.f_globals.get("__name__", "") if trace is not None else _OWN[0]
    return str(module).partition(".")[0] in _OWN
