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


def memory_limit_bytes(root: Path = Path("/")) -> int | None:
    """Returns how much memory this process can have: the machine's, or its control group's, and all swap space.

    Args:
      root: the root of the file system.

    Returns:
      Bytes; None where the system does not tell.
    """
    meminfo = root / "proc/meminfo"
    if not meminfo.exists():
        return None
    kilobytes = dict(re.findall(r"^(\w+):\s*(\d+) kB$", meminfo.read_text(), re.MULTILINE))
    limits = [1024 * int(kilobytes["MemTotal"])]
    for name in _group_limits(root):
        with contextlib.suppress(OSError, ValueError):  # "max", or no such file
            limits.append(int(Path(name).read_text()))
    return min(limits) + 1024 * int(kilobytes.get("SwapTotal", 0))


def _group_limits(root: Path) -> list[Path]:
    """Returns files with the limits of this process's control group and of those above it, in both versions."""
    files = []
    with contextlib.suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers in {"", "memory"}:
                top, name = ("memory", "memory.limit_in_bytes") if controllers else (".", "memory.max")
                group = Path(path.lstrip("/"))
                files += [root / "sys/fs/cgroup" / top / above / name for above in (group, *group.parents)]
    return files
