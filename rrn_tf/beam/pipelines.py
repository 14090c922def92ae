"""Beam pipelines from the options of `--beam-args`, which are checked: Beam itself ignores those it does not know."""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
import grpc
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from rrn_tf.beam.watched import wait_until_finish
from rrn_tf.data.prepared import BadInputError
from rrn_tf.setting_names import did_you_mean

_WHERE = "Beam options (--beam-args)"
# Runners whose job server, and not Beam's own parser, knows all options.
_PORTABLE = ("portable", "flink", "spark", "prism")
_SERVER, _PATIENCE, _IN_PROCESS = "job_endpoint", "job_server_timeout", "embed"
# Beam's own runner, by its names; its workers are threads or processes of this machine.
_HERE = ("", "direct", "directrunner", "fnapirunner", "bundlebaseddirectrunner", "switchingdirectrunner")
# What portable runners are told unless the user says otherwise: a month (seconds), and a minute (milliseconds).
_FOR_LONG_JOBS = {_PATIENCE: 30 * 24 * 60 * 60, "environment_cache_millis": 60 * 1000}


def new_pipeline(beam_args: Sequence[str]) -> beam.Pipeline:
    """Creates a pipeline; without options for Beam's in-memory runner.

    Args:
      beam_args: pipeline options.

    Raises:
      BadInputError: as in `check_beam_args` and `for_long_jobs`, or for a runner that Beam does not have.
    """
    check_beam_args(beam_args)
    beam_args = for_long_jobs(beam_args)
    try:
        return beam.Pipeline(options=PipelineOptions(beam_args))
    except (ValueError, ImportError, AttributeError) as error:
        raise BadInputError(f"{_WHERE}: {str(error).splitlines()[0]}") from error


def runs_here(pipeline: beam.Pipeline) -> bool:
    """Returns whether a pipeline runs in Beam's own runner, and so on this machine alone."""
    return _runner(pipeline.options.get_all_options()) in _HERE


def run_to(pipeline: beam.Pipeline, path: str) -> None:
    """Runs a pipeline to its end.

    Args:
      pipeline: the pipeline.
      path: the file that its last step writes.

    Raises:
      BadInputError: if the file is not there, since the workers wrote it where this process cannot see it.
      LostWorkersError: if the job's pool of workers and they are gone, and its runner goes on waiting.
    """
    wait_until_finish(pipeline.run(), pipeline.options)
    if not FileSystems.exists(path):
        raise BadInputError(
            f"{path}: expected a file from Beam's workers, found none; give an absolute path that they share with "
            f"this machine"
        )


def check_beam_args(beam_args: Sequence[str]) -> None:
    """Checks pipeline options.

    Args:
      beam_args: pipeline options.

    Raises:
      BadInputError: for an option that Beam does not know, or a value that the option cannot have.
    """
    if beam_args and not beam_args[0].startswith("-"):
        raise BadInputError(f"{_WHERE}: expected options such as --runner=DirectRunner, found {beam_args[0]}")
    printed = io.StringIO()
    log = logging.getLogger("apache_beam.options.pipeline_options")
    level = log.level
    log.setLevel(logging.ERROR)  # below which it tells that it ignores an option
    try:
        with contextlib.redirect_stderr(printed):
            options = PipelineOptions(list(beam_args))
            known = options.get_all_options()
            every = options.get_all_options(retain_unknown_options=True)
    except (SystemExit, argparse.ArgumentError) as error:
        # Python's parser prints its usage, and then one line on what is wrong.
        last = (printed.getvalue() or str(error)).strip().splitlines()[-1]
        raise BadInputError(f"{_WHERE}: {last.partition('error: ')[2] or last}") from None
    finally:
        log.setLevel(level)
    if _is_portable(known):
        return
    unknown = [name for name in every if name not in known]
    if unknown:
        name = f"--{unknown[0].partition('=')[0].lstrip('-')}"
        raise BadInputError(f"{_WHERE}: no such option {name}{did_you_mean(name, (f'--{of}' for of in known))}")


def for_long_jobs(beam_args: Sequence[str]) -> list[str]:
    """Adds what long jobs need to the options of a portable runner; others are returned as they are.

    Workers stay for a minute after a step, since Flink would start new ones for every step. And a job may take a month:
    by default Beam loses sight of every job after a minute. It means the limit for a job server that does not answer,
    and applies it to the stream on which the server tells the job's state as well. So the server is asked here.

    Args:
      beam_args: pipeline options.

    Raises:
      BadInputError: if no job server answers at the given address.
    """
    options = PipelineOptions(list(beam_args)).get_all_options()
    if not _is_portable(options):
        return list(beam_args)
    given = [part.lstrip("-").replace("-", "_").partition("=")[0] for part in beam_args if part.startswith("-")]
    added = {name: value for name, value in _FOR_LONG_JOBS.items() if name not in given}
    address = options[_SERVER]
    if _PATIENCE in added and address and address != _IN_PROCESS:
        with grpc.insecure_channel(address) as channel:
            try:
                grpc.channel_ready_future(channel).result(timeout=options[_PATIENCE])
            except grpc.FutureTimeoutError:
                raise BadInputError(f"{_WHERE}: no job server answers at {address}") from None
    return [*beam_args, *(f"--{name}={value}" for name, value in added.items())]


def _is_portable(options: dict[str, Any]) -> bool:
    return _runner(options).startswith(_PORTABLE)


def _runner(options: dict[str, Any]) -> str:
    """Returns the name of a runner's class, in small letters; empty without one."""
    return str(options["runner"] or "").rpartition(".")[2].lower()
