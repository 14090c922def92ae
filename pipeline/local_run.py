"""Local runs of any pipeline: options, files, the log, printed lines and exit codes."""

from __future__ import annotations

import logging
import os
import platform
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.progress import ComponentTimer
from pipeline.whole_records import without_halves
from rrn_tf.cli.failures import DEBUG, line_of
from rrn_tf.cli.options import INTERRUPTED, beam_options
from rrn_tf.cli.pipeline_options import STOP, LocalOptions
from rrn_tf.files import only_writer_of_directory
from rrn_tf.tasks import TASKS

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

    from pipeline.setting import PipelineSetting

METADATA_FILE = "metadata.sqlite"
FAILURE, USAGE = 1, 2


class LocalRun:
    """One local run: sends the log to a file, and times components and prints their seconds.

    Args:
      output: the directory of all output.
      log: name of the log file in that directory.
    """

    def __init__(self, output: Path, log: str) -> None:
        self.output = output
        self._log = output / log
        self._timer = ComponentTimer(lambda name, seconds: tell(f"  {name:<32}{seconds:8.1f} s"))
        redirect_log(self._log, self._timer)

    @property
    def seconds(self) -> dict[str, float]:
        """The seconds of each component; empty if `tfx pipeline create` loads a runner without running it."""
        return self._timer.seconds

    def run(self, wire: Callable[[], Pipeline]) -> int:
        """Wires and runs a pipeline; returns 0, or `FAILURE` after printing one line that names the component."""
        from tfx.orchestration.local.local_dag_runner import LocalDagRunner

        from rrn_tf.console.progress import showing

        def run() -> None:
            with only_writer_of_directory(self.output), showing():
                records = self.output / METADATA_FILE
                if removed := without_halves(records):
                    tell(f"{records}: removed {removed} rows of records that a full disk had cut in two")
                pipeline = wire()
                self._timer.components = len(pipeline.components)
                LocalDagRunner().run(pipeline)

        return self.told(run)

    def told(self, work: Callable[[], object]) -> int:
        """Does a part of the run; returns 0, `INTERRUPTED`, or `FAILURE` after printing one line."""
        try:
            work()
        except KeyboardInterrupt:
            print(
                "interrupted: the same command goes on after the last finished component", file=sys.stderr, flush=True
            )
            return INTERRUPTED
        except Exception as error:
            if os.environ.get(DEBUG):
                raise
            logging.getLogger("absl").exception("the run failed")
            return fail(
                FAILURE, f"{self._timer.running or 'pipeline'}: {line_of(error, self.output)} (see {self._log})"
            )
        return 0

    def components(self, cached: Iterable[str]) -> list[dict[str, Any]]:
        """Returns the record of each component; those in `cached` reused earlier output."""
        return [
            {"name": name, "seconds": round(spent, 2), "cached": name in cached} for name, spent in self.seconds.items()
        ]

    def setting(self, name: str, options: LocalOptions, data_base: str, data_pattern: str) -> PipelineSetting:
        """Returns the setting of a pipeline on this machine; the arguments are those of `PipelineSetting`."""
        from tfx.orchestration import metadata

        import schemas
        from pipeline.setting import Guards, PipelineSetting

        return PipelineSetting(
            name=name,
            root=str(self.output / "artifacts"),
            data_base=data_base,
            data_pattern=data_pattern,
            schema_file=str(
                Path(options.schema).absolute()
                if options.schema
                else Path(schemas.__file__).with_name(f"{TASKS[options.model].rows}.pbtxt")
            ),
            serving_model_dir=str(self.output / "serving_model"),
            dead_letters=str(self.output / "dead_letters"),
            metadata_connection_config=metadata.sqlite_metadata_connection_config(str(self.output / METADATA_FILE)),
            beam_pipeline_args=beam_options(options.beam_args),
            enable_cache=not options.no_cache,
            guards=Guards(stop=options.anomalies == STOP, max_ahead=options.max_ahead),
        )


def missing_tfx() -> str:
    """Returns one line on what to do where TFX is not installed; nothing where it is."""
    if find_spec("tfx"):
        return ""
    libc = " ".join(platform.libc_ver()) or "another C library"
    return (
        "the pipeline needs TFX, found none: pip install 'rrn_tf[tfx]' brings it on Python 3.10 and 3.11, and on 3.12 "
        f"and 3.13 where glibc is 2.39 or newer (this is Python {platform.python_version()} on {libc}); "
        "`rrn train` trains the same model without it"
    )


class _LogFile(logging.FileHandler):
    """A log that says nothing of lines it cannot write, as on a full disk, which ends the run in a line of its own."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Leaves the line out."""


def redirect_log(file: Path, timer: ComponentTimer) -> None:
    """Sends the log, including warnings, to a file, so that the terminal shows only the run's own lines."""
    from absl import logging as absl_logging

    file.parent.mkdir(parents=True, exist_ok=True)
    to_file = _LogFile(file, mode="w", encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    absl_logging.set_verbosity(absl_logging.INFO)
    absl_logging.get_absl_logger().addHandler(timer)
    logging.getLogger().handlers = [to_file]
    logging.captureWarnings(True)


def tell(line: str) -> None:
    """Prints a line immediately."""
    print(line, flush=True)


def tell_anomalies(anomalies: dict[str, list[str]]) -> None:
    """Prints the anomalies that ExampleValidator found, one line per split."""
    for split, findings in anomalies.items():
        tell(f"anomalies in {split}: {'; '.join(findings)}")


def fail(code: int, message: str) -> int:
    """Prints the reason of a failure on stderr and returns the exit code."""
    from rrn_tf.redaction import without_secrets

    print(f"error: {without_secrets(message)}", file=sys.stderr, flush=True)
    return code
