"""Runs the pipeline on this machine: what `rrn run` and `local_runner.py` start.

Example:
  python -m pipeline.run_local --data ratings.csv --output runs/a
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Before TensorFlow is first imported: Keras 2, and no start-up chatter.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pipeline import configs
from pipeline.progress import ComponentTimer
from rrn_tf.config import Config, ConfigError, config_to_dict, dump_config, load_config
from rrn_tf.data.datasets import ACCEPTED, DataSource, DataSourceError, resolve

RUN_FILE, LOG_FILE, CONFIG_FILE, METADATA_FILE = "run.json", "run.log", "config.yaml", "metadata.sqlite"
FAILURE, USAGE = 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the pipeline, telling each component's seconds, and writes `run.json` into the output.

    Args:
      argv: options; None takes those of the command line. The environment gives the defaults.

    Returns:
      0; 1 for a failed run, 2 for options or data that cannot be used, each with one line on stderr.
    """
    begin = time.monotonic()
    options = _parser().parse_args(argv)
    try:
        config = load_config(options.config, options.set)
        output = Path(options.output).absolute()
        source = resolve(options.data, output / "data")
        dump_config(config, output / CONFIG_FILE)
    except (ConfigError, DataSourceError, OSError) as error:
        return _fail(USAGE, str(error))

    timer = ComponentTimer(lambda name, seconds: _tell(f"  {name:<32}{seconds:8.1f} s"))
    _redirect_log(output / LOG_FILE, timer)
    _tell(source.description)
    from rrn_tf.training.devices import set_logical_devices

    set_logical_devices(config.training.replicas)
    try:
        run_pipeline(config, source, output, options)
    except Exception as error:
        logging.getLogger("absl").exception("the run failed")
        return _fail(FAILURE, f"{timer.running or 'pipeline'}: {first_line(error)} (see {output / LOG_FILE})")
    if timer.seconds:  # `tfx pipeline create` loads the runner with its run switched off
        record = run_record(output, source, timer.seconds, time.monotonic() - begin)
        _tell(f"  {'start-up':<32}{record['start_up_seconds']:8.1f} s")
        for split, findings in record["anomalies"].items():
            _tell(f"anomalies in {split}: {'; '.join(findings)}")
        (output / RUN_FILE).write_text(json.dumps(record, indent=2) + "\n")
    return 0


def run_pipeline(config: Config, source: DataSource, output: Path, options: argparse.Namespace) -> None:
    """Wires the pipeline for this machine and runs it."""
    from tfx.orchestration import metadata
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    import schemas
    from pipeline.pipeline import create_pipeline

    base, _, pattern = source.pattern.rpartition("/")
    pipeline = create_pipeline(
        name=configs.PIPELINE_NAME,
        root=str(output / "artifacts"),
        data_base=base or ".",
        data_pattern=pattern,
        schema_file=str(Path(schemas.__file__).with_name("ratings.pbtxt")),
        config=config_to_dict(config),
        serving_model_dir=str(output / "serving_model"),
        max_rmse=configs.MAX_RMSE.get(options.data) if options.max_rmse is None else options.max_rmse,
        max_rmse_increase=configs.MAX_RMSE_INCREASE,
        dead_letters=str(output / "dead_letters"),
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(output / METADATA_FILE)),
        beam_pipeline_args=shlex.split(options.beam_args),
        enable_cache=not options.no_cache,
    )
    LocalDagRunner().run(pipeline)


def run_record(output: Path, source: DataSource, seconds: dict[str, float], total: float) -> dict[str, Any]:
    """What `run.json` says: seconds by component, and where everything lies."""
    import pandas as pd
    from tfx.utils import path_utils

    from components.report.executor import JSON_FILE, PREDICTIONS_FILE
    from pipeline.run_record import read_latest_run
    from rrn_tf.data.metadata import SequenceMetadata
    from rrn_tf.data.prepared import DEAD_LETTERS_FILE
    from rrn_tf.report.run_summary import print_prepared

    run = read_latest_run(output / METADATA_FILE, configs.PIPELINE_NAME)
    report = Path(run.uri("report") or "")
    prepared = SequenceMetadata.load(run.uri("sequences") or "")
    print_prepared(prepared)
    best = source.best_rmse(pd.read_parquet(report / PREDICTIONS_FILE)) if source.best_rmse else None
    return {
        "data": source.description,
        "ratings": prepared.ratings,
        "rejected": prepared.rejected,
        "components": [
            {"name": name, "seconds": round(spent, 2), "cached": name in run.cached} for name, spent in seconds.items()
        ],
        "start_up_seconds": round(total - sum(seconds.values()), 2),
        "seconds": round(total, 2),
        "blessed": run.blessed,
        "model": run.pushed_model or path_utils.serving_model_path(run.uri("model")),
        "logs": run.uri("model_run"),
        "evaluation": run.uri("evaluation"),
        "dead_letters": str(output / "dead_letters" / DEAD_LETTERS_FILE),
        "report": str(report),
        "anomalies": run.anomalies(),
        "leaderboard": json.loads((report / JSON_FILE).read_text()),
        "best_rmse": best,
    }


def first_line(error: BaseException) -> str:
    """What went wrong, in one line: of bad input the input's own words, without Beam's wrapping."""
    lines = str(error).strip().splitlines()
    return lines[0].split(" [while running")[0] if lines else type(error).__name__


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pipeline.run_local", description="Runs the TFX pipeline on this machine.")
    parser.add_argument("--data", default=configs.DATA, help=f"{ACCEPTED} (default: %(default)s)")
    parser.add_argument("--output", default=configs.OUTPUT, help="directory of all output (default: %(default)s)")
    parser.add_argument("--config", default=configs.CONFIG, help="YAML file or preset")
    parser.add_argument("--set", action="append", default=[], metavar="a.b=c", help="overrides a configuration value")
    parser.add_argument("--max-rmse", type=float, help="a model with a larger RMSE is not pushed")
    parser.add_argument("--beam-args", default=configs.BEAM_ARGS, help="Beam options, as one string")
    parser.add_argument("--no-cache", action="store_true", help="run every component anew")
    return parser


def _redirect_log(file: Path, timer: ComponentTimer) -> None:
    """Sends the log to a file, warnings and all, and leaves the terminal to the run's own lines."""
    from absl import logging as absl_logging

    file.parent.mkdir(parents=True, exist_ok=True)
    to_file = logging.FileHandler(file, mode="w", encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    absl_logging.set_verbosity(absl_logging.INFO)
    absl_logging.get_absl_logger().addHandler(timer)
    logging.getLogger().handlers = [to_file]
    logging.captureWarnings(True)


def _tell(line: str) -> None:
    print(line, flush=True)


def _fail(code: int, message: str) -> int:
    print(f"error: {message}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
