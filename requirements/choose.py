"""Chooses the lock for the Python that runs this file and the C library it runs on; `make setup` calls it.

It prints the lock's path, then in words what was found and chosen. With `--tfx` it fails where the lock has no TFX.
"""

from __future__ import annotations

import platform
import sys

CLASSIC, MODERN, LIBRARY = "classic", "modern", "library"
WORDS = {
    CLASSIC: "the classic set, TFX 1.16 with TensorFlow 2.16",
    MODERN: "the modern set, TFX 1.21 with TensorFlow 2.21",
    LIBRARY: "TensorFlow 2.21 without TFX, which has no wheel for both: `rrn run` is left out",
}
# ML Metadata 1.21, which TFX 1.21 stands on, has no wheel for an older one.
MODERN_GLIBC = (2, 39)


def choose(python: tuple[int, int], glibc: tuple[int, int] | None) -> str | None:
    """Returns the name of the set, or None for a Python that has none.

    Args:
      python: its major and minor version.
      glibc: the same of the C library; None where it is another one.
    """
    modern = glibc is not None and glibc >= MODERN_GLIBC
    if python == (3, 10):
        return CLASSIC
    if python == (3, 11):
        return MODERN if modern else CLASSIC
    if python in ((3, 12), (3, 13)):
        return MODERN if modern else LIBRARY
    return None


def glibc_version() -> tuple[int, int] | None:
    """Returns the version of the C library that this Python runs on."""
    name, version = platform.libc_ver()
    major, _, minor = version.partition(".")
    return (int(major), int(minor.partition(".")[0])) if name == "glibc" else None


def lock_of(python: tuple[int, int], chosen: str) -> str:
    """Returns the lock's path in the project."""
    return f"requirements/{chosen}-py{python[0]}{python[1]}.txt"


def main() -> None:
    """Prints the choice."""
    python, glibc = (sys.version_info[0], sys.version_info[1]), glibc_version()
    chosen = choose(python, glibc)
    found = f"Python {python[0]}.{python[1]}, " + (f"glibc {glibc[0]}.{glibc[1]}" if glibc else "no glibc")
    if chosen is None:
        sys.exit(f"expected Python 3.10 to 3.13, found {found}")
    print(f"{lock_of(python, chosen)} {found}: {WORDS[chosen]}")
    if "--tfx" in sys.argv[1:] and chosen == LIBRARY:
        sys.exit(1)


if __name__ == "__main__":
    main()
