"""A start of several processes ends when one of them does, and with it the others."""

from __future__ import annotations

import subprocess
from pathlib import Path

from rrn_tf.bench.ports import free_ports
from tests.beam.other_runner import ROOT

START = """
set -euo pipefail
name=engine
state=$1
. scripts/processes.sh
launch goes-on bash -c 'exec -a org.apache.flink.Double sleep 600'
launch ends-at-once bash -c 'echo no memory; exit 1'
cut -d ' ' -f 1 "$state/pids" >"$state/all"
await "$2"
"""


def test_a_process_that_ends_at_once_is_named(tmp_path: Path) -> None:
    command = ["bash", "-c", START, "start", str(tmp_path), str(free_ports(1)[0])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    log = tmp_path / "ends-at-once.log"
    told = f"engine: expected ends-at-once to go on running, but it has ended; {log} says why\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)
    assert log.read_text() == "no memory\n"
    assert not (tmp_path / "pids").exists()
    assert [pid for pid in (tmp_path / "all").read_text().split() if Path("/proc", pid).exists()] == []
