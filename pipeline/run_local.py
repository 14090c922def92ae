"""Runs the pipeline on this machine; `rrn run` and `local_runner.py` call it.

Example:
  python -m pipeline.run_local --data ratings.csv --output runs/a
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

# Set before TensorFlow is first imported: Keras 2, and no start-up messages.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import click

from pipeline import configs
from pipeline.described import described_items
from pipeline.local_run import FAILURE, METADATA_FILE, USAGE, LocalRun, fail, missing_tfx, tell, tell_anomalies
from pipeline.tuning import tune_options
from rrn_tf.cli.failures import line_of
from rrn_tf.cli.pipeline_options import RunOptions, parsed
from rrn_tf.config import ConfigError, config_from_dict, config_to_dict, dump_config, load_config
from rrn_tf.data.datasets import DataSource, DataSourceError, resolve
from rrn_tf.data.layouts import split_layout
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.first_look import is_file, look_at
from rrn_tf.evaluation.trivial import WARNINGS, worse_than_trivial
from rrn_tf.files import write_whole
from rrn_tf.tasks import TASKS, Settings, Task

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

    from pipeline.run_record import RunRecord

RUN_FILE, LOG_FILE, CONFIG_FILE, TUNED_FILE = "run.json", "run.log", "config.yaml", "tuned.yaml"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the pipeline, prints each component's seconds, and writes `run.json` into the output directory.

    Args:
      argv: the options; None means those of the command line. The environment sets the defaults.

    Returns:
      0; 1 for a failed run, 2 for invalid options or data, each with one line on stderr.
    """
    begin = time.monotonic()
    try:
        options = parsed(RunOptions, argv, "pipeline.run_local")
        if missing := missing_tfx():
            return fail(FAILURE, missing)
        task = TASKS[options.model]
        config: Settings = options.into(load_config(options.config or task.preset, options.set, task.config))
        output = Path(options.output).absolute()
        tune = tune_options(options.tune, options.space, config)
        source = resolve(options.data or configs.DATA[task.name], output / "data")
        layout, path = split_layout(source.pattern)
        config = dataclasses.replace(options, format=layout).into(config) if layout else config
        told = look_at(path, task.columns, config.data.format) if is_file(path) else []
        items = described_items(options.items, source.items, output / "data", told.append)
        dump_config(config, output / CONFIG_FILE)
    except (ConfigError, DataSourceError, BadInputError, OSError) as error:
        return fail(USAGE, line_of(error))
    except click.ClickException as error:
        return fail(error.exit_code, error.format_message())

    local = LocalRun(output, LOG_FILE)
    for line in (source.description, *told):
        tell(line)
    from rrn_tf.training.devices import set_logical_devices

    set_logical_devices(config.training.replicas)
    if failed := local.run(lambda: wired(local, options, config, path, tune, items)):
        return failed

    def finish() -> None:
        record = finished_record(local, task, config, source, time.monotonic() - begin)
        tell(f"  {'start-up':<32}{record['start_up_seconds']:8.1f} s")
        tell_anomalies(record["anomalies"])
        for warning in record[WARNINGS]:
            tell(warning)
        write_whole(output / RUN_FILE, json.dumps(record, indent=2) + "\n")

    return local.told(finish) if local.seconds else 0


def wired(
    local: LocalRun, options: RunOptions, config: Settings, path: str, tune: dict[str, Any] | None, items: str | None
) -> Pipeline:
    """Returns the pipeline, wired for this machine; `path` is the pattern of its data, `items` the file of items."""
    from pipeline.event_pipeline import create_event_pipeline
    from pipeline.pipeline import create_pipeline

    base, _, pattern = path.rpartition("/")
    # By model: the function that wires the pipeline, and the largest error that is blessed.
    create, bound = {
        "rrn": (create_pipeline, options.max_rmse),
        "crnn": (create_event_pipeline, options.max_nll),
    }[options.model]
    return create(
        local.setting(configs.PIPELINE_NAMES[options.model], options, base or ".", pattern),
        config=config_to_dict(config),
        max_error=configs.MAX_ERROR.get(options.data or configs.DATA[options.model]) if bound is None else bound,
        max_error_increase=configs.MAX_ERROR_INCREASE[options.model],
        tune=tune,
        all_baselines=options.all_baselines,
        items=items,
    )


def finished_record(local: LocalRun, task: Task, config: Settings, source: DataSource, total: float) -> dict[str, Any]:
    """Returns the content of `run.json`: seconds by component, paths, the data, and the model's figures."""
    from pipeline.run_record import read_latest_run
    from rrn_tf.console.tables import PRINT_PREPARED
    from rrn_tf.tuning.space import with_settings

    run = read_latest_run(local.output / METADATA_FILE, configs.PIPELINE_NAMES[task.name])
    prepared = task.metadata(run.uri("sequences") or "")
    PRINT_PREPARED[task.name](prepared)
    figures = {"rrn": rating_figures, "crnn": event_figures}[task.name](run, source)
    record = run_record(run, local, source, total) | task.counts(prepared) | figures
    record[WARNINGS] = doubts(record["leaderboard"]["rows"], blessed=record["blessed"])
    if settings := run.tuned:
        tuned: Any = config_from_dict(with_settings(config_to_dict(config), settings), type(config))
        dump_config(tuned, local.output / TUNED_FILE)
        record |= {"tuned": settings, "config": str(local.output / TUNED_FILE)}
    return record


def doubts(rows: Sequence[dict[str, Any]], *, blessed: bool) -> list[str]:
    """Returns a line if the model is worse than a constant answer, which the rules of blessing do not ask.

    Args:
      rows: rows of `leaderboard.json`.
      blessed: whether the model was blessed.
    """
    warning = worse_than_trivial([SimpleNamespace(**row) for row in rows])
    fate = "; it is blessed and pushed all the same: --max-rmse or --max-nll sets a bound"
    return [f"{warning}{fate if blessed else ''}"] if warning else []


def run_record(run: RunRecord, local: LocalRun, source: DataSource, total: float) -> dict[str, Any]:
    """Returns the content of `run.json` that all runs have."""
    from tfx.utils import path_utils

    from rrn_tf.data.prepared import DEAD_LETTERS_FILE

    return {
        "data": source.description,
        "sequences": run.uri("sequences"),
        "components": local.components(run.cached),
        "start_up_seconds": round(total - sum(local.seconds.values()), 2),
        "seconds": round(total, 2),
        "blessed": run.blessed,
        "model": run.pushed_model or path_utils.serving_model_path(run.uri("model")),
        "logs": run.uri("model_run"),
        "evaluation": run.uri("evaluation"),
        "dead_letters": str(local.output / "dead_letters" / DEAD_LETTERS_FILE),
        "anomalies": run.anomalies(),
    }


def rating_figures(run: RunRecord, source: DataSource) -> dict[str, Any]:
    """Returns the figures of an RRN in `run.json`: the leaderboard and its report."""
    import pandas as pd

    from components.report.executor import JSON_FILE, PREDICTIONS_FILE

    report = Path(run.uri("report") or "")
    return {
        **report_paths(report),
        "leaderboard": json.loads((report / JSON_FILE).read_text()),
        "best_rmse": source.best_rmse(pd.read_parquet(report / PREDICTIONS_FILE)) if source.best_rmse else None,
    }


def event_figures(run: RunRecord, source: DataSource) -> dict[str, Any]:
    """Returns the figures of a Collaborative RNN in `run.json`: the leaderboard and the report."""
    from components.report.executor import JSON_FILE

    evaluation, report = (Path(run.uri(name) or "") for name in ("evaluation", "report"))
    return {**report_paths(report), "leaderboard": json.loads((evaluation / JSON_FILE).read_text())}


def report_paths(report: Path) -> dict[str, str]:
    """Returns the paths of a report in `run.json`: its folder and its page."""
    from rrn_tf.report.writing import PAGE_FILE

    return {"report": str(report), "page": str(report / PAGE_FILE)}


if __name__ == "__main__":
    sys.exit(main())
