"""What every JSON answer carries: peak memory, versions and seed."""

from __future__ import annotations

import re
import resource
from importlib import metadata
from pathlib import Path
from typing import Any

from rrn_tf.version import __version__


def environment(seed: int, *, packages: tuple[str, ...] = ("tensorflow", "numpy")) -> dict[str, Any]:
    """Peak memory of this process so far, versions and seed; imports none of the packages.

    Args:
      seed: of the run.
      packages: distributions whose versions matter, besides ours.
    """
    return {
        "peak_memory_bytes": peak_memory_bytes(),
        "versions": {"rrn_tf": __version__, **{name: metadata.version(name) for name in packages}},
        "seed": seed,
    }


def peak_memory_bytes() -> int:
    """The most that this program has held at a time."""
    status = Path("/proc/self/status")
    # Of a child process `getrusage` gives at least what its parent held when it was started.
    found = re.search(r"^VmHWM:\s*(\d+) kB$", status.read_text(), re.MULTILINE) if status.exists() else None
    return 1024 * (int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
