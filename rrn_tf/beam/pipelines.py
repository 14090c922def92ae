"""Beam pipelines from the options of `--beam-args`, which are checked: Beam itself ignores those it does not know."""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from rrn_tf.data.prepared import BadInputError
from rrn_tf.setting_names import did_you_mean

_WHERE = "Beam options (--beam-args)"
# Runners whose job server, and not Beam's own parser, knows all options.
_PORTABLE = ("portable", "flink", "spark", "prism")


def new_pipeline(beam_args: Sequence[str]) -> beam.Pipeline:
    """Creates a pipeline; without options for Beam's in-memory runner.

    Args:
      beam_args: pipeline options.

    Raises:
      BadInputError: as in `check_beam_args`, or for a runner that Beam does not have.
    """
    check_beam_args(beam_args)
    try:
        return beam.Pipeline(options=PipelineOptions(list(beam_args)))
    except (ValueError, ImportError, AttributeError) as error:
        raise BadInputError(f"{_WHERE}: {str(error).splitlines()[0]}") from error


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
    runner = str(known["runner"] or "").rpartition(".")[2]
    if runner.lower().startswith(_PORTABLE):
        return
    unknown = [name for name in every if name not in known]
    if unknown:
        name = f"--{unknown[0].partition('=')[0].lstrip('-')}"
        raise BadInputError(f"{_WHERE}: no such option {name}{did_you_mean(name, (f'--{of}' for of in known))}")
