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
from typing import TYPE_CHECKING, Any

# Before TensorFlow is first imported: Keras 2, and no start-up chatter.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pipeline import configs
from pipeline.local_run import FAILURE, LOG_FILE, METADATA_FILE, RUN_FILE, USAGE, fail, first_line, redirect_log, tell
from pipeline.progress import ComponentTimer
from pipeline.tuning import tune_options
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import Config, ConfigError, config_from_dict, config_to_dict, dump_config, load_config
from rrn_tf.data.datasets import ACCEPTED, DataSource, DataSourceError, resolve
from rrn_tf.data.formats import split_format_name

if TYPE_CHECKING:
    from pipeline.run_record import RunRecord

RRN, CRNN = MODELS = ("rrn", "crnn")
CONFIG_FILE, TUNED_FILE = "config.yaml", "tuned.yaml"


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
        named = options.config or configs.CONFIG[options.model]
        config: Config | CollaborativeConfig = (
            load_config(named, options.set, Config)
            if options.model == RRN
            else load_config(named, options.set, CollaborativeConfig)
        )
        output = Path(options.output).absolute()
        tune = tune_options(options.tune, options.space, config)
        source = resolve(options.data or configs.DATA[options.model], output / "data")
        dump_config(config, output / CONFIG_FILE)
    except (ConfigError, DataSourceError, OSError) as error:
        return fail(USAGE, str(error))

    timer = ComponentTimer(lambda name, seconds: tell(f"  {name:<32}{seconds:8.1f} s"))
    redirect_log(output / LOG_FILE, timer)
    tell(source.description)
    from rrn_tf.training.devices import set_logical_devices

    set_logical_devices(config.training.replicas)
    try:
        run_pipeline(config_to_dict(config), source, output, options, tune)
    except Exception as error:
        logging.getLogger("absl").exception("the run failed")
        return fail(FAILURE, f"{timer.running or 'pipeline'}: {first_line(error)} (see {output / LOG_FILE})")
    if timer.seconds:  # `tfx pipeline create` loads the runner with its run switched off
        from pipeline.run_record import read_latest_run
        from rrn_tf.tuning.space import with_settings

        describe = rating_record if options.model == RRN else event_record
        run = read_latest_run(output / METADATA_FILE, configs.PIPELINE_NAMES[options.model])
        record = run_record(run, output, source, timer.seconds, time.monotonic() - begin) | describe(run, source)
        if settings := run.tuned:
            tuned: Any = config_from_dict(with_settings(config_to_dict(config), settings), type(config))
            dump_config(tuned, output / TUNED_FILE)
            record |= {"tuned": settings, "config": str(output / TUNED_FILE)}
        tell(f"  {'start-up':<32}{record['start_up_seconds']:8.1f} s")
        for split, findings in record["anomalies"].items():
            tell(f"anomalies in {split}: {'; '.join(findings)}")
        (output / RUN_FILE).write_text(json.dumps(record, indent=2) + "\n")
    return 0


def run_pipeline(
    config: dict[str, Any],
    source: DataSource,
    output: Path,
    options: argparse.Namespace,
    tune: dict[str, Any] | None = None,
) -> None:
    """Wires the pipeline for this machine and runs it."""
    from tfx.orchestration import metadata
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    import schemas
    from pipeline.event_pipeline import create_event_pipeline
    from pipeline.pipeline import create_pipeline

    text_format, path = split_format_name(source.pattern)
    base, _, pattern = path.rpartition("/")
    common = {
        "name": configs.PIPELINE_NAMES[options.model],
        "root": str(output / "artifacts"),
        "data_base": base or ".",
        "data_pattern": pattern,
        "config": config,
        "tune": tune,
        "serving_model_dir": str(output / "serving_model"),
        "dead_letters": str(output / "dead_letters"),
        "metadata_connection_config": metadata.sqlite_metadata_connection_config(str(output / METADATA_FILE)),
        "beam_pipeline_args": shlex.split(options.beam_args),
        "enable_cache": not options.no_cache,
    }
    schema = Path(schemas.__file__)
    if options.model == RRN:
        bound = configs.MAX_RMSE.get(options.data or configs.DATA[RRN])
        pipeline = create_pipeline(
            schema_file=str(schema.with_name("ratings.pbtxt")),
            max_rmse=bound if options.max_rmse is None else options.max_rmse,
            max_rmse_increase=configs.MAX_RMSE_INCREASE,
            **common,
        )
    else:
        pipeline = create_event_pipeline(
            schema_file=str(schema.with_name("events.pbtxt")),
            max_nll=options.max_nll,
            max_nll_increase=configs.MAX_NLL_INCREASE,
            text_format=text_format,
            **common,
        )
    LocalDagRunner().run(pipeline)


def run_record(
    run: RunRecord, output: Path, source: DataSource, seconds: dict[str, float], total: float
) -> dict[str, Any]:
    """What `run.json` says of any run: seconds by component, and where everything lies."""
    from tfx.utils import path_utils

    from rrn_tf.data.prepared import DEAD_LETTERS_FILE

    return {
        "data": source.description,
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
        "anomalies": run.anomalies(),
    }


def rating_record(run: RunRecord, source: DataSource) -> dict[str, Any]:
    """What it says of an RRN's run: the data, the leaderboard and its report."""
    import pandas as pd

    from components.report.executor import JSON_FILE, PREDICTIONS_FILE
    from rrn_tf.console.tables import print_prepared
    from rrn_tf.data.metadata import SequenceMetadata

    report = Path(run.uri("report") or "")
    prepared = SequenceMetadata.load(run.uri("sequences") or "")
    print_prepared(prepared)
    return {
        "ratings": prepared.ratings,
        "rejected": prepared.rejected,
        "report": str(report),
        "leaderboard": json.loads((report / JSON_FILE).read_text()),
        "best_rmse": source.best_rmse(pd.read_parquet(report / PREDICTIONS_FILE)) if source.best_rmse else None,
    }


def event_record(run: RunRecord, source: DataSource) -> dict[str, Any]:
    """What it says of a Collaborative RNN's run: the data and the leaderboard."""
    from components.report.executor import JSON_FILE
    from rrn_tf.console.tables import print_prepared_events
    from rrn_tf.data.metadata import EventMetadata

    prepared = EventMetadata.load(run.uri("sequences") or "")
    print_prepared_events(prepared)
    return {
        "events": prepared.events,
        "rejected": prepared.rejected,
        "dropped": prepared.dropped,
        "dropped_users": prepared.dropped_users,
        "dropped_items": prepared.dropped_items,
        "leaderboard": json.loads(Path(run.uri("evaluation") or "", JSON_FILE).read_text()),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pipeline.run_local", description="Runs the TFX pipeline on this machine.")
    parser.add_argument("--model", default=configs.MODEL, choices=MODELS, help="rrn: ratings; crnn: events")
    parser.add_argument("--data", default="", help=f"{ACCEPTED} (default: {configs.DATA})")
    parser.add_argument("--output", default=configs.OUTPUT, help="directory of all output (default: %(default)s)")
    parser.add_argument("--config", help="YAML file or preset (default: RRN_CONFIG, or rrn-plus of ratings)")
    parser.add_argument("--set", action="append", default=[], metavar="a.b=c", help="overrides a configuration value")
    parser.add_argument("--max-rmse", type=float, help="a model with a larger RMSE is not pushed")
    parser.add_argument("--max-nll", type=float, help="a Collaborative RNN with a larger loss is not pushed")
    parser.add_argument("--tune", type=float, default=configs.TUNE_MINUTES, help="minutes of a search before training")
    parser.add_argument("--space", help="what it searches: YAML, as for rrn tune")
    parser.add_argument("--beam-args", default=configs.BEAM_ARGS, help="Beam options, as one string")
    parser.add_argument("--no-cache", action="store_true", help="run every component anew")
    return parser


if __name__ == "__main__":
    sys.exit(main())
