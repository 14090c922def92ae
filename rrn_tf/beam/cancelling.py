"""Cancels a job of a portable runner when the process that has sent it is told to end.

The job server of Beam 2.62 for Flink drops a job that it is told to cancel, and leaves it running on Flink. So Flink's
JobManager is told too, where Beam's option --flink_master says its address.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
from collections.abc import Iterator
from typing import Any

from apache_beam.options.pipeline_options import FlinkRunnerOptions, PipelineOptions
from apache_beam.portability.api import beam_job_api_pb2

from rrn_tf.ending import code_of, told_to_end

ANSWER = 5.0  # seconds within which a server that is there answers
_LOG = logging.getLogger(__name__)


@contextlib.contextmanager
def cancelled_if_ended(result: Any, options: PipelineOptions) -> Iterator[None]:
    """Cancels a job if this process is interrupted or told to end inside.

    Args:
      result: what `Pipeline.run` has returned.
      options: the pipeline's options.

    Raises:
      KeyboardInterrupt, SystemExit: if this process is interrupted or told to end.
    """
    with told_to_end(_exit):
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            cancel(result, options)
            raise


def _exit(number: int, frame: Any) -> None:
    raise SystemExit(code_of(number))


def cancel(result: Any, options: PipelineOptions) -> None:
    """Cancels a job; what cannot be cancelled is logged as a warning.

    Args:
      result: what `Pipeline.run` has returned.
      options: the pipeline's options.
    """
    job = result._job_id
    try:
        result._job_service.Cancel(beam_job_api_pb2.CancelJobRequest(job_id=job), timeout=ANSWER)
        master = options.view_as(FlinkRunnerOptions).flink_master
        if not master.startswith("["):  # [auto], the default: the job server alone knows it
            _cancel_on_flink(master, job.rpartition("_")[0])
    except Exception as error:
        _LOG.warning("Beam: the job %s was not cancelled, and may go on: %s", job, error)


def _cancel_on_flink(master: str, name: str) -> None:
    """Cancels a job on Flink.

    Args:
      master: address of the JobManager's web port.
      name: the job's name.

    Raises:
      OSError, HTTPException, ValueError: if the JobManager does not answer as expected.
    """
    flink = http.client.HTTPConnection(master.rpartition("://")[2], timeout=ANSWER)
    with contextlib.closing(flink):
        jobs = json.loads(_answer(flink, "GET", "/jobs/overview"))["jobs"]
        for jid in [job["jid"] for job in jobs if job["name"] == name and job["end-time"] < 0]:
            _answer(flink, "PATCH", f"/jobs/{jid}")


def _answer(server: http.client.HTTPConnection, method: str, path: str) -> bytes:
    server.request(method, path)
    answer = server.getresponse()
    text = answer.read()
    if answer.status >= 400:
        raise ValueError(f"{method} {path}: {answer.status} {answer.reason}")
    return text
