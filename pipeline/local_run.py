"""What local runs of any pipeline share: their files, their log and their lines."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from pipeline.progress import ComponentTimer

RUN_FILE, LOG_FILE, METADATA_FILE = "run.json", "run.log", "metadata.sqlite"
FAILURE, USAGE = 1, 2


def redirect_log(file: Path, timer: ComponentTimer) -> None:
    """Sends the log to a file, warnings and all, and leaves the terminal to the run's own lines."""
    from absl import logging as absl_logging

    file.parent.mkdir(parents=True, exist_ok=True)
    to_file = logging.FileHandler(file, mode="w", encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    absl_logging.set_verbosity(absl_logging.INFO)
    absl_logging.get_absl_logger().addHandler(timer)
    logging.getLogger().handlers = [to_file]
    logging.captureWarnings(True)


def tell(line: str) -> None:
    """Prints a line at once."""
    print(line, flush=True)


def fail(code: int, message: str) -> int:
    """The exit code, its reason told on stderr."""
    print(f"error: {message}", file=sys.stderr, flush=True)
    return code


def first_line(error: BaseException) -> str:
    """What went wrong, in one line: of bad input the input's own words, without Beam's wrapping."""
    lines = str(error).strip().splitlines()
    return lines[0].split(" [while running")[0] if lines else type(error).__name__
