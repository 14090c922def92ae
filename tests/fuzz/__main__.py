"""Fuzzes a target, guided by the lines it reaches: `python -m tests.fuzz TARGET [SECONDS]`, where atheris is installed.

What it finds is written to `tests/fuzz/corpus/TARGET`, which `tests/fuzz/test_corpus.py` replays.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.fuzz.targets import TARGETS, target


def main() -> None:
    """Runs libFuzzer on the target with its corpus; stops at the first finding."""
    try:
        import atheris  # type: ignore[import-not-found]
    except ImportError:
        sys.exit("error: expected atheris (pip install atheris, for Python 3.11 to 3.13), found none")
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"error: expected a target, one of {', '.join(TARGETS)}")
    name, seconds = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "60"
    with atheris.instrument_imports(include=["rrn_tf", "yaml"]):
        fuzzed = target(name)
    fuzzed(b"")  # what is made once, such as a model, is no finding that takes too long
    corpus = Path(__file__).parent / "corpus" / name
    with tempfile.TemporaryDirectory() as found:
        limits = [f"-max_total_time={seconds}", "-timeout=120", "-rss_limit_mb=6000", "-max_len=2048"]
        arguments = [sys.argv[0], *limits, f"-artifact_prefix={corpus}/", "-print_final_stats=1", found, str(corpus)]
        atheris.Setup(arguments, fuzzed)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
