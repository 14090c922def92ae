"""Files that are written whole or not at all, and outputs that one command at a time writes."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class OutputInUseError(RuntimeError):
    """Another command is writing to the same output; the message is one line with the path."""


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A file to write that takes the place of `path` only once it is complete; missing directories are made.

    Files of Beam, which may be remote, are written by `rrn_tf.beam.reading.files.replacing`.
    """
    if path.exists() and not path.is_file():  # a device or a pipe, which nothing can replace
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process's number: others may write the same file. Its ending, by which pandas chooses a compression, stays.
    draft = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Writes a file completely or not at all, so that an interruption leaves no partial file."""
    with written_whole(path) as draft:
        draft.write_text(text)


@contextmanager
def only_writer_of_directory(path: str | Path) -> Iterator[None]:
    """Keeps all other commands from writing to a directory, which is made, and removed if it is empty in the end.

    The lock is the operating system's, which ends with the process, however that ends.

    Args:
      path: the directory.

    Raises:
      OutputInUseError: if another command is writing to it.
    """
    folder = Path(path)
    made = not folder.exists()

    def opened() -> int:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder, os.O_RDONLY)

    with _locked(folder, folder, opened):
        try:
            yield
        finally:
            if made:
                with contextlib.suppress(OSError):  # raised if it is not empty
                    folder.rmdir()


@contextmanager
def only_writer_of_file(path: str | Path | None) -> Iterator[None]:
    """Keeps all other commands from writing to a file, by a lock on a hidden file beside it as long as this one runs.

    Args:
      path: the file, or the beginning of the names of several. Remote files, devices and pipes are not locked, nor are
        ``-``, standard output, and None, no file.

    Raises:
      OutputInUseError: if another command is writing to it.
    """
    file = Path(path or "")
    if path is None or str(path) == "-" or "://" in str(path) or (file.exists() and not file.is_file()):
        yield
        return
    lock = file.with_name(f".{file.name}.lock")
    file.parent.mkdir(parents=True, exist_ok=True)
    with _locked(file, lock, lambda: os.open(lock, os.O_CREAT | os.O_RDWR)):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


@contextmanager
def _locked(output: Path, lock: Path, opened: Callable[[], int]) -> Iterator[None]:
    """Locks `lock`, which `opened` opens, and unlocks it in the end; `output` is what messages name."""
    while True:
        descriptor = opened()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise OutputInUseError(
                f"{output}: another command is writing to it: wait until it has ended, or name another output"
            ) from None
        except OSError:  # a file system without locks
            break
        # Whoever had the lock before may have removed what is locked now.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), lock.stat()):
                break
        os.close(descriptor)
    try:
        yield
    finally:
        os.close(descriptor)
