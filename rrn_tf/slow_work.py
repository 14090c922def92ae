"""How far slow work is: slow code says so here, and a bar of the terminal (`rrn_tf.console.progress`) may listen.

Nothing happens where nobody listens, as in a process that Beam starts on another machine.

Example:
  >>> from rrn_tf.slow_work import Amount, each, heard_by
  >>> heard = []
  >>> with heard_by(lambda what, amount: heard.append((what, amount))):
  ...     squares = [number**2 for number in each([1, 2], "squaring")]
  >>> heard[1:]
  [('squaring', Amount(done=1, of=2)), ('squaring', Amount(done=2, of=2)), ('squaring', None)]
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

Thing = TypeVar("Thing")


class Amount(NamedTuple):
    """How much of some work is done.

    Attributes:
      done: number of parts that are done.
      of: number of all parts; None if nobody knows it yet.
    """

    done: int
    of: int | None = None


# Called with the name of the work, and how much of it is done, or None when it has ended.
Listening = Callable[[str, Amount | None], None]

_lock = threading.RLock()
_listening: list[Listening] = []  # the last one listens
_added: dict[str, tuple[int, int]] = {}


@contextmanager
def heard_by(listening: Listening) -> Iterator[None]:
    """Has all slow work of this process told to a function, instead of the one before, from any thread."""
    _listening.append(listening)
    try:
        yield
    finally:
        _listening.remove(listening)
        _added.clear()  # what failed halfway


def tell(what: str, done: int, of: int | None = None) -> None:
    """Tells how much of some work is done; see `Amount`."""
    with _lock:
        if _listening:
            _listening[-1](what, Amount(done, of))


def end(what: str) -> None:
    """Tells that some work has ended."""
    with _lock:
        _added.pop(what, None)
        if _listening:
            _listening[-1](what, None)


def add(what: str, done: int = 0, of: int = 0) -> None:
    """Adds to what is done of some work, and to its parts, which workers find one by one; the last part ends it."""
    with _lock:
        if not _listening:
            return
        done, of = (more + so_far for more, so_far in zip((done, of), _added.get(what, (0, 0)), strict=True))
        _added[what] = done, of
        tell(what, done, of)
        if done >= of:
            end(what)


@contextmanager
def working(what: str, of: int | None = None) -> Iterator[Callable[[int], None]]:
    """Tells the beginning and the end of some work; yields a function to call with the number of parts that are done.

    Args:
      what: the name of the work, such as ``exporting the model``.
      of: number of its parts; None if nobody knows it.
    """
    tell(what, 0, of)
    try:
        yield lambda done: tell(what, done, of)
    finally:
        end(what)


def each(things: Iterable[Thing], what: str, of: int | None = None) -> Iterator[Thing]:
    """Yields things, and tells how many of them have been dealt with.

    Args:
      things: what is worked on, one after the other.
      what: the name of the work.
      of: how many there are, where `things` does not know it itself.
    """
    with working(what, len(things) if of is None and isinstance(things, Sized) else of) as done:
        for number, thing in enumerate(things, start=1):
            yield thing
            done(number)
