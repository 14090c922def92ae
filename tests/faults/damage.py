"""Ways in which files come to harm, chosen by a random generator."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

Damage = Callable[[Path, np.random.Generator], None]


def flip_bit(file: Path, draw: np.random.Generator) -> None:
    """Flips one bit."""
    content = bytearray(file.read_bytes())
    if content:
        content[draw.integers(len(content))] ^= 1 << int(draw.integers(8))
    file.write_bytes(content)


def truncate(file: Path, draw: np.random.Generator) -> None:
    """Cuts a file at any byte before its last."""
    content = file.read_bytes()
    file.write_bytes(content[: int(draw.integers(max(len(content), 1)))])


def zero_block(file: Path, draw: np.random.Generator) -> None:
    """Sets up to 512 bytes to zero, as a lost sector does."""
    content = bytearray(file.read_bytes())
    begin = int(draw.integers(max(len(content), 1)))
    end = min(begin + 512, len(content))
    content[begin:end] = bytes(end - begin)
    file.write_bytes(content)


def remove(file: Path, draw: np.random.Generator) -> None:
    """Removes a file."""
    file.unlink()


def move_clock(file: Path, draw: np.random.Generator) -> None:
    """Gives a file a time up to ten years before or after now."""
    moved = time.time() + float(draw.uniform(-3e8, 3e8))
    os.utime(file, (moved, moved))


DAMAGES: dict[str, Damage] = {
    "bit flipped": flip_bit,
    "truncated": truncate,
    "512 bytes zeroed": zero_block,
    "removed": remove,
    "time moved": move_clock,
}


def harm(folder: Path, what: str, draw: np.random.Generator) -> str:
    """Damages one file of a folder, each as likely as any other, and returns its name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    file = files[int(draw.integers(len(files)))]
    DAMAGES[what](file, draw)
    return file.relative_to(folder).as_posix()
