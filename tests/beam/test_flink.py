"""A Flink cluster, of which a TaskManager is lost in mid-job, writes what the runner within one process writes.

A command that is told to end cancels its job there.
"""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rrn_tf.bench.ports import free_ports
from tests.beam.other_runner import (
    LIMIT,
    Written,
    built,
    ending,
    expect_written,
    options,
    script,
    start_writing,
    started,
)

# After so many of a job's tasks, each of which works on a part of a step, it is in mid-job.
TASKS = 60


class Cluster:
    """A running cluster: Beam's options, what it tells of itself, and its processes."""

    def __init__(self, ports: list[int], state: Path) -> None:
        job_server, self._web, _, pool = ports
        self.beam_args = [*options(job_server, pool), f"--flink_master=localhost:{self._web}"]
        self._pids = state / "pids"

    def ask(self, what: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://localhost:{self._web}/{what}", timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def jobs(self) -> list[dict[str, Any]]:
        """Returns all jobs in the order of their starts."""
        return sorted(self.ask("jobs/overview")["jobs"], key=lambda job: job["start-time"])

    def kill(self, name: str) -> None:
        pids = {launched: int(pid) for pid, launched in map(str.split, self._pids.read_text().splitlines())}
        os.killpg(pids[name], signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A JobManager, two TaskManagers and Beam's job server."""
    if not (built("flink") / "whole").exists():
        pytest.skip(f"Flink is not there: where Maven and Java are, {script('flink')} build takes it")
    ports, state = free_ports(4), tmp_path_factory.mktemp("flink")
    with started("flink", {"FLINK_PORTS": " ".join(map(str, ports)), "FLINK_STATE": str(state)}):
        yield Cluster(ports, state)


@pytest.mark.slow
def test_files_are_those_of_one_process_though_a_task_manager_is_lost(
    source: str, model: str, written: Written, cluster: Cluster, tmp_path: Path
) -> None:
    writing = start_writing(source, model, tmp_path, cluster.beam_args)
    with ending(writing):
        # The first job has both TaskManagers; one is lost while the second job runs; the third has the other one.
        while not (second := [job for job in cluster.jobs()[1:] if job["tasks"]["finished"] >= TASKS]):
            assert writing.poll() is None
            time.sleep(0.5)
        cluster.kill("task-manager-1")
        expect_written(writing, tmp_path, written)
    assert [job["state"] for job in cluster.jobs()] == ["FINISHED"] * 3
    lost = cluster.ask(f"jobs/{second[0]['jid']}/exceptions")["exceptionHistory"]["entries"]
    assert len(lost) > 0


@pytest.mark.slow
def test_a_job_is_cancelled_with_its_command(source: str, cluster: Cluster, tmp_path: Path) -> None:
    earlier = len(cluster.jobs())
    writing = start_writing(source, "no model", tmp_path, cluster.beam_args)
    with ending(writing):
        while not cluster.jobs()[earlier:]:
            assert writing.poll() is None
            time.sleep(0.5)
        writing.terminate()
        assert writing.wait(LIMIT) == 128 + signal.SIGTERM
    while (job := cluster.jobs()[earlier])["end-time"] < 0:
        time.sleep(0.5)
    assert job["state"] == "CANCELED"
