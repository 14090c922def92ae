"""Runs the pipeline of updates on this machine; `local_update_runner.py` calls it.

Example:
  python -m pipeline.run_update --data 'spans/{SPAN}/*.csv' --output runs/pipeline
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Set before TensorFlow is first imported: Keras 2, and no start-up messages.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import click

from pipeline import configs
from pipeline.local_run import FAILURE, METADATA_FILE, USAGE, LocalRun, fail, missing_tfx, tell, tell_anomalies
from rrn_tf.cli.pipeline_options import UpdateOptions, parsed
from rrn_tf.files import write_whole

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

RUN_FILE, LOG_FILE = "update.json", "update.log"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the pipeline, prints each component's seconds, and writes `update.json` into the output directory.

    Args:
      argv: the options; None means those of the command line. The environment sets the defaults.

    Returns:
      0; 1 for a failed run, 2 for invalid options or if there is no model to update, each with one line on
      stderr.
    """
    try:
        options = parsed(UpdateOptions, argv, "pipeline.run_update")
    except click.ClickException as error:
        return fail(error.exit_code, error.format_message())
    if missing := missing_tfx():
        return fail(FAILURE, missing)
    output = Path(options.output).absolute()
    local = LocalRun(output, LOG_FILE)
    from rrn_tf.serving.saved_files import ModelNotFoundError

    try:
        base = base_model(output / "serving_model", options.base)
    except ModelNotFoundError as error:
        return fail(USAGE, str(error))
    tell(f"base model {base}")
    if failed := local.run(lambda: wired(local, options, base)):
        return failed

    def finish() -> None:
        record = update_record(local, base)
        _print(record)
        write_whole(output / RUN_FILE, json.dumps(record, indent=2) + "\n")

    return local.told(finish) if local.seconds else 0


def base_model(pushed: Path, other: str | None) -> Path:
    """Returns the model to update: the newest pushed version, or `other` if none was pushed yet.

    Raises:
      ModelNotFoundError: if there is neither.
    """
    from rrn_tf.serving.saved_files import ModelNotFoundError, find_saved_model

    try:
        return find_saved_model(pushed)
    except ModelNotFoundError:
        if other is None:
            raise
        return find_saved_model(other).absolute()


def wired(local: LocalRun, options: UpdateOptions, base: Path) -> Pipeline:
    """Returns the pipeline, wired for this machine."""
    from pipeline.good_statistics import last_good_statistics, training_statistics
    from pipeline.update_pipeline import create_update_pipeline
    from rrn_tf.serving.saved_facts import max_bad_share_of

    setting = local.setting(configs.UPDATE_PIPELINE_NAME, options, *split_pattern(options.data))
    records = local.output / METADATA_FILE
    guards = dataclasses.replace(
        setting.guards,
        max_new_users=options.max_new_users,
        max_new_items=options.max_new_items,
        good=last_good_statistics(records, configs.UPDATE_PIPELINE_NAME, options.good_span),
        training=training_statistics(records, configs.PIPELINE_NAMES[options.model]),
    )
    return create_update_pipeline(
        dataclasses.replace(setting, guards=guards),
        base_model=str(base),
        max_increase=options.max_increase,
        model=options.model,
        span=options.span,
        data_format=options.over(),
        max_bad_share=max_bad_share_of(base),
    )


def split_pattern(data: str) -> tuple[str, str]:
    """Splits a pattern into the directory of all spans and the rest: ``spans/{SPAN}/*.csv`` is in ``spans``."""
    parts = Path(data).parts
    fixed = next((n for n, part in enumerate(parts) if set(part) & set("{*?[")), len(parts) - 1)
    return str(Path(*parts[:fixed]).absolute()), str(Path(*parts[fixed:]))


def update_record(local: LocalRun, base: Path) -> dict[str, Any]:
    """Returns the content of `update.json`: the update's figures, the fate of the model, and seconds by component."""
    from components.state_updater.executor import REPORT_FILE
    from pipeline.run_record import read_latest_run

    run = read_latest_run(local.output / METADATA_FILE, configs.UPDATE_PIPELINE_NAME)
    figures = json.loads(Path(run.uri("update") or "", REPORT_FILE).read_text())
    examples = run.outputs["examples"].custom_properties
    return {
        **figures,
        "span": examples["span"].int_value,
        "base_model": str(base),
        "blessed": run.blessed,
        "model": run.pushed_model,
        "anomalies": run.anomalies(),
        "components": local.components(run.cached),
    }


def _print(record: dict[str, Any]) -> None:
    tell_anomalies(record["anomalies"])
    what, error = ("events", "loss on each known user's last") if "events" in record else ("ratings", "RMSE of the new")
    reasons = {"duplicates": "duplicates", "before_cutoff": "from before training", "unknown_items": "of new items"}
    left_out = " and ".join(f"{record[name]:,} {words}" for name, words in reasons.items() if name in record)
    tell(f"span {record['span']}: {record[what]:,} new {what}, {record['late']:,} of them late; {left_out} left out")
    if figures := record.get("rmse") or record.get("last"):
        tell(f"{error}: {figures['updated']:.4f} as it came in, {figures['frozen']:.4f} by the base model")
    tell(f"pushed        {record['model']}" if record["model"] else "not blessed, not pushed")


if __name__ == "__main__":
    sys.exit(main())
