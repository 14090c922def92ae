"""What every JSON answer carries: peak memory, versions and seed."""

from __future__ import annotations

import resource
from importlib import metadata
from typing import Any

from rrn_tf.version import __version__


def environment(seed: int, *, packages: tuple[str, ...] = ("tensorflow", "numpy")) -> dict[str, Any]:
    """Peak memory of this process so far, versions and seed; imports none of the packages.

    Args:
      seed: of the run.
      packages: distributions whose versions matter, besides ours.
    """
    return {
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "versions": {"rrn_tf": __version__, **{name: metadata.version(name) for name in packages}},
        "seed": seed,
    }
