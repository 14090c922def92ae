"""Facts about the process that every JSON output contains: peak memory, versions and seed."""

from __future__ import annotations

import contextlib
import re
import resource
from importlib import metadata
from pathlib import Path
from typing import Any

from rrn_tf.version import __version__


def environment(seed: int, *, packages: tuple[str, ...] = ("tensorflow", "numpy")) -> dict[str, Any]:
    """Returns the peak memory of this process so far, versions and the seed; it imports none of the packages.

    Args:
      seed: of the run.
      packages: distributions to report the versions of, besides this one.
    """
    return {
        "peak_memory_bytes": peak_memory_bytes(),
        "versions": {"rrn_tf": __version__, **{name: metadata.version(name) for name in packages}},
        "seed": seed,
    }


def peak_memory_bytes() -> int:
    """Returns the largest amount of memory that this process has used so far, in bytes."""
    status = Path("/proc/self/status")
    # For a child process, `getrusage` counts at least the memory of its parent when it was started.
    found = re.search(r"^VmHWM:\s*(\d+) kB$", status.read_text(), re.MULTILINE) if status.exists() else None
    return 1024 * (int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def reset_peak_memory() -> None:
    """Makes `peak_memory_bytes` count from now on; where the system cannot do this, it goes on counting as before."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
