"""A job whose pool of workers is gone is given up, and no other one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_job_api_pb2

from rrn_tf.beam.watched import Loss, LostWorkersError, wait_until_finish


class Service:
    """A job server that tells how far a job is, in a new order each time."""

    def __init__(self, *metrics: str) -> None:
        self._metrics = metrics
        self.asked = 0
        self.cancelled = threading.Event()

    def Cancel(self, request: Any, timeout: float) -> None:
        assert request.job_id == "job_1"
        self.cancelled.set()

    def GetJobMetrics(self, request: Any, timeout: float) -> Any:
        assert request.job_id == "job_1"
        self.asked += 1
        answer = beam_job_api_pb2.GetJobMetricsResponse()
        for urn in self._metrics[:: (-1) ** self.asked]:
            answer.metrics.attempted.add(urn=urn)
        return answer


class Job:
    """A job that ends when it is told to."""

    def __init__(
        self, service: Service, error: Exception | None = None, begun: Callable[[], None] = lambda: None
    ) -> None:
        self._job_service, self._job_id, self.error, self._begun = service, "job_1", error, begun
        self.end = threading.Event()

    def wait_until_finish(self) -> None:
        self._begun()
        assert self.end.wait(60)
        if self.error is not None:
            raise self.error

    @property
    def cancelled(self) -> bool:
        return self._job_service.cancelled.is_set()


def options(pool: socket.socket) -> PipelineOptions:
    port = pool.getsockname()[1]
    return PipelineOptions(["--environment_type=EXTERNAL", f"--environment_config=localhost:{port}"])


def test_a_job_without_pool_and_progress_is_given_up(pool: socket.socket) -> None:
    # The pool is there when it is looked for first, and gone once the job has begun.
    job, of = Job(Service("rows", "seconds"), begun=pool.close), options(pool)
    with pytest.raises(
        LostWorkersError, match=r"^Beam: the pool of workers at localhost:\d+ is gone, and .*; start the"
    ):
        wait_until_finish(job, of, patience=0.2, each=0.1)
    assert job.cancelled


def test_a_job_that_ends_or_fails_does_so(pool: socket.socket) -> None:
    done, failed = Job(Service("rows", "seconds")), Job(Service("rows", "seconds"), ValueError("a row"))
    for job in (done, failed):
        job.end.set()
    wait_until_finish(done, options(pool), patience=0, each=0.1)
    with pytest.raises(ValueError, match="a row"):
        wait_until_finish(failed, options(pool), patience=0, each=0.1)
    assert not done.cancelled
    assert not failed.cancelled


@pytest.mark.parametrize("given", [[], ["--environment_type=EXTERNAL", "--environment_config=localhost:1"]])
def test_a_pool_that_cannot_be_reached_from_here_is_not_watched(given: list[str]) -> None:
    job = Job(Service("rows", "seconds"))
    threading.Timer(0.5, job.end.set).start()
    wait_until_finish(job, PipelineOptions(given), patience=0, each=0.01)
    assert (job.cancelled, job._job_service.asked) == (False, 0)


def test_workers_that_outlive_their_pool_are_not_lost() -> None:
    metrics = iter(range(100))
    lost = Loss(lambda: True, lambda: next(metrics), 60)
    assert not any(lost.after(now) for now in range(0, 1000, 30))


def test_a_pool_that_comes_back_is_not_lost() -> None:
    there = {90}
    refused: list[int] = []
    lost = Loss(lambda: refused[-1] not in there, lambda: b"1", 60)
    found = []
    for now in range(0, 181, 30):
        refused.append(now)
        found.append(lost.after(now))
    assert found == [False, False, True, False, False, False, True]


def test_a_server_that_does_not_tell_progress_gives_no_job_up() -> None:
    lost = Loss(lambda: True, lambda: None, 60)
    assert not any(lost.after(now) for now in range(0, 1000, 30))
