"""A process that is told to end cancels its job: at the job server, and on Flink."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from rrn_tf.beam.cancelling import cancel
from rrn_tf.beam.watched import wait_until_finish
from tests.beam.test_watched import Job, Service, options

# What a JobManager tells of its jobs: ours, an earlier one of that name, and somebody else's.
JOBS = [
    {"jid": "a1", "name": "job", "end-time": -1},
    {"jid": "b2", "name": "job", "end-time": 5},
    {"jid": "c3", "name": "other", "end-time": -1},
]


class JobManager(ThreadingHTTPServer):
    """A JobManager that knows `JOBS`, and notes which of them it is told to cancel."""

    def __init__(self) -> None:
        super().__init__(("localhost", 0), _Answers)
        self.cancelled: list[str] = []

    def options(self, scheme: str = "") -> PipelineOptions:
        return PipelineOptions([f"--flink_master={scheme}localhost:{self.server_port}"])


class _Answers(BaseHTTPRequestHandler):
    server: JobManager

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/jobs/overview" else 404, {"jobs": JOBS})

    def do_PATCH(self) -> None:
        self.server.cancelled.append(self.path)
        self._answer(202, {})

    def _answer(self, status: int, content: object) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@pytest.fixture
def flink() -> Iterator[JobManager]:
    with JobManager() as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield server
        server.shutdown()
        serving.join()


@pytest.fixture
def as_in_a_terminal() -> Iterator[None]:
    """Signals end this process, which may have been started in the background, or by `nohup`, and ignore some."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    before = {sent: signal.signal(sent, handler) for sent, handler in usual.items()}
    yield
    for sent, handler in before.items():
        signal.signal(sent, handler)


@pytest.mark.usefixtures("as_in_a_terminal")
@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize(
    ("sent", "ends"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit), (signal.SIGHUP, SystemExit)]
)
def test_a_process_that_is_told_to_end_cancels_its_job(
    watched: bool, sent: signal.Signals, ends: type[BaseException], pool: socket.socket
) -> None:
    before = signal.getsignal(sent)
    job = Job(Service("rows"), begun=lambda: os.kill(os.getpid(), sent))
    with pytest.raises(ends) as told:
        wait_until_finish(job, options(pool) if watched else PipelineOptions([]), each=0.1)
    if isinstance(told.value, SystemExit):
        assert told.value.code == 128 + sent
    assert job.cancelled
    assert signal.getsignal(sent) is before
    job.end.set()


def test_what_others_handle_is_left_to_them() -> None:
    handled = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: handled.append(number))
    try:
        job = Job(Service("rows"), begun=lambda: os.kill(os.getpid(), signal.SIGTERM))
        job.end.set()
        wait_until_finish(job, PipelineOptions([]))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (handled, job.cancelled) == ([signal.SIGTERM], False)


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_a_job_on_flink_is_cancelled_there_too(scheme: str, flink: JobManager) -> None:
    job = Job(Service("rows"))
    cancel(job, flink.options(scheme))
    assert job.cancelled
    assert flink.cancelled == ["/jobs/a1"]


def test_a_job_that_cannot_be_cancelled_is_told_of(flink: JobManager, caplog: pytest.LogCaptureFixture) -> None:
    of = flink.options()
    flink.RequestHandlerClass = BaseHTTPRequestHandler
    cancel(Job(Service("rows")), of)
    told = "Beam: the job job_1 was not cancelled, and may go on: GET /jobs/overview: 501 Unsupported method ('GET')"
    assert caplog.messages == [told]
