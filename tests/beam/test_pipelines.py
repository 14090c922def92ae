"""Options of Beam are checked before a pipeline is made."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import apache_beam as beam
import grpc
import pytest

from rrn_tf.beam.pipelines import check_beam_args, for_long_jobs, new_pipeline, run_to
from rrn_tf.data.prepared import BadInputError


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--no_such_option=1"], "no such option --no_such_option$"),
        (["--direct_num_wokers", "2"], r"no such option --direct_num_wokers; did you mean --direct_num_workers\?$"),
        (["--direct_num_workers=some"], "argument --direct_num_workers: invalid int value: 'some'"),
        (["2"], "expected options such as --runner=DirectRunner, found 2"),
        (["--runner=NoRunner"], "Unexpected pipeline runner: NoRunner"),
        (["--runner=nowhere.NoRunner"], "No module named 'nowhere'"),
    ],
)
def test_refuses_unknown_options(options: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadInputError, match=rf"^Beam options \(--beam-args\): .*{said}") as told:
        new_pipeline(options)
    assert "\n" not in str(told.value)
    assert "usage:" not in capfd.readouterr().err


def test_accepts_what_beam_or_a_job_server_knows() -> None:
    check_beam_args(["--direct_num_workers=2", "--direct_running_mode=multi_processing"])
    check_beam_args(["--runner=PortableRunner", "--job_endpoint=localhost:8099", "--parallel=3", "--of_the_server=1"])
    check_beam_args([])


def test_jobs_of_portable_runners_may_take_long() -> None:
    for beam_args in ([], ["--runner=DirectRunner"]):
        assert for_long_jobs(beam_args) == beam_args
    portable = ["--runner=apache_beam.runners.portability.portable_runner.PortableRunner", "--job_endpoint=embed"]
    patient, kept = "--job_server_timeout=2592000", "--environment_cache_millis=60000"
    assert for_long_jobs(portable) == [*portable, patient, kept]
    assert for_long_jobs([*portable, patient]) == [*portable, patient, kept]
    assert for_long_jobs([*portable, patient, kept]) == [*portable, patient, kept]
    own = ["--job-server-timeout=5", "--environment_cache_millis", "0"]
    assert for_long_jobs([*portable, *own]) == [*portable, *own]


def test_a_job_server_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"  # bound, and nobody listens
        waited = []

        def result(future: Any, timeout: float) -> None:
            waited.append(timeout)
            raise grpc.FutureTimeoutError

        monkeypatch.setattr(type(grpc.channel_ready_future(grpc.insecure_channel(address))), "result", result)
        with pytest.raises(BadInputError, match=rf"^Beam options \(--beam-args\): no job server answers at {address}$"):
            new_pipeline(["--runner=PortableRunner", f"--job_endpoint={address}"])
    assert waited == [60]


def test_a_file_that_workers_wrote_elsewhere_is_one_line(tmp_path: Path) -> None:
    pipeline = beam.Pipeline()
    _ = pipeline | beam.Create([1])
    with pytest.raises(BadInputError, match=r"metadata.json: expected a file from Beam's workers, found none; give an"):
        run_to(pipeline, str(tmp_path / "metadata.json"))
