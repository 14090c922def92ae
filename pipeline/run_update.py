"""Runs the pipeline of updates on this machine: what `local_update_runner.py` starts.

Example:
  python -m pipeline.run_update --data 'spans/{SPAN}/*.csv' --output runs/pipeline
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Before TensorFlow is first imported: Keras 2, and no start-up chatter.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pipeline import configs
from pipeline.local_run import FAILURE, METADATA_FILE, USAGE, fail, first_line, redirect_log, tell
from pipeline.progress import ComponentTimer

if TYPE_CHECKING:
    from pipeline.run_record import RunRecord

RUN_FILE, LOG_FILE = "update.json", "update.log"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the pipeline, telling each component's seconds, and writes `update.json` into the output.

    Args:
      argv: options; None takes those of the command line. The environment gives the defaults.

    Returns:
      0; 1 for a failed run, 2 where there is no model to go on from, each with one line on stderr.
    """
    options = _parser().parse_args(argv)
    output = Path(options.output).absolute()
    timer = ComponentTimer(lambda name, seconds: tell(f"  {name:<32}{seconds:8.1f} s"))
    redirect_log(output / LOG_FILE, timer)
    from rrn_tf.serving.saved_rrn import ModelNotFoundError

    try:
        base = base_model(output / "serving_model", options.base)
    except ModelNotFoundError as error:
        return fail(USAGE, str(error))
    tell(f"base model {base}")
    try:
        run_pipeline(base, output, options)
    except Exception as error:
        logging.getLogger("absl").exception("the run failed")
        return fail(FAILURE, f"{timer.running or 'pipeline'}: {first_line(error)} (see {output / LOG_FILE})")
    if timer.seconds:  # `tfx pipeline create` loads the runner with its run switched off
        from pipeline.run_record import read_latest_run

        run = read_latest_run(output / METADATA_FILE, configs.UPDATE_PIPELINE_NAME)
        record = update_record(run, base, timer.seconds)
        _print(record)
        (output / RUN_FILE).write_text(json.dumps(record, indent=2) + "\n")
    return 0


def base_model(pushed: Path, other: str | None) -> Path:
    """The model that an update goes on from: the newest pushed version, or another where nothing was pushed yet.

    Raises:
      ModelNotFoundError: where there is neither.
    """
    from rrn_tf.serving.saved_rrn import ModelNotFoundError, find_saved_model

    try:
        return find_saved_model(pushed)
    except ModelNotFoundError:
        if other is None:
            raise
        return find_saved_model(other).absolute()


def run_pipeline(base: Path, output: Path, options: argparse.Namespace) -> None:
    """Wires the pipeline for this machine and runs it."""
    from tfx.orchestration import metadata
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    import schemas
    from pipeline.update_pipeline import create_update_pipeline

    data_base, pattern = split_pattern(options.data)
    events = options.model == "crnn"
    LocalDagRunner().run(
        create_update_pipeline(
            name=configs.UPDATE_PIPELINE_NAME,
            root=str(output / "artifacts"),
            data_base=data_base,
            data_pattern=pattern,
            schema_file=str(Path(schemas.__file__).with_name("events.pbtxt" if events else "ratings.pbtxt")),
            base_model=str(base),
            serving_model_dir=str(output / "serving_model"),
            max_increase=options.max_increase,
            events=events,
            span=options.span,
            dead_letters=str(output / "dead_letters"),
            metadata_connection_config=metadata.sqlite_metadata_connection_config(str(output / METADATA_FILE)),
            beam_pipeline_args=shlex.split(options.beam_args),
            enable_cache=not options.no_cache,
        )
    )


def split_pattern(data: str) -> tuple[str, str]:
    """The directory of all spans, and the pattern below it: ``spans/{SPAN}/*.csv`` is in ``spans``."""
    parts = Path(data).parts
    fixed = next((n for n, part in enumerate(parts) if set(part) & set("{*?[")), len(parts) - 1)
    return str(Path(*parts[:fixed]).absolute()), str(Path(*parts[fixed:]))


def update_record(run: RunRecord, base: Path, seconds: dict[str, float]) -> dict[str, Any]:
    """What `update.json` says: figures of the update, what became of the model, and seconds by component."""
    from components.state_updater.executor import REPORT_FILE

    figures = json.loads(Path(run.uri("update") or "", REPORT_FILE).read_text())
    examples = run.outputs["examples"].custom_properties
    return {
        **figures,
        "span": examples["span"].int_value,
        "base_model": str(base),
        "blessed": run.blessed,
        "model": run.pushed_model,
        "anomalies": run.anomalies(),
        "components": [
            {"name": name, "seconds": round(spent, 2), "cached": name in run.cached} for name, spent in seconds.items()
        ],
    }


def _print(record: dict[str, Any]) -> None:
    for split, findings in record["anomalies"].items():
        tell(f"anomalies in {split}: {'; '.join(findings)}")
    what, error = ("events", "loss on each known user's last") if "events" in record else ("ratings", "RMSE of the new")
    reasons = {"duplicates": "duplicates", "before_cutoff": "from before training", "unknown_items": "of new items"}
    left_out = " and ".join(f"{record[name]:,} {words}" for name, words in reasons.items() if name in record)
    tell(f"span {record['span']}: {record[what]:,} new {what}, {record['late']:,} of them late; {left_out} left out")
    if figures := record.get("rmse") or record.get("last"):
        tell(f"{error}: {figures['updated']:.4f} as it came in, {figures['frozen']:.4f} by the base model")
    tell(f"pushed        {record['model']}" if record["model"] else "not blessed, not pushed")


def _parser() -> argparse.ArgumentParser:
    description = "Updates a model by a span of new ratings or events."
    parser = argparse.ArgumentParser(prog="pipeline.run_update", description=description)
    parser.add_argument("--model", choices=list(configs.PIPELINE_NAMES), default=configs.MODEL, help="kind of model")
    parser.add_argument("--data", default=configs.UPDATE_DATA, help="pattern with {SPAN} (default: %(default)s)")
    parser.add_argument("--span", type=int, default=configs.SPAN, help="which span (default: the latest)")
    parser.add_argument("--output", default=configs.OUTPUT, help="of `rrn run` (default: %(default)s)")
    parser.add_argument("--base", default=configs.BASE_MODEL, help="model to start from where none was pushed yet")
    parser.add_argument(
        "--max-increase", "--max-rmse-increase", type=float, default=configs.MAX_UPDATE_INCREASE, help="of RMSE or loss"
    )
    parser.add_argument("--beam-args", default=configs.BEAM_ARGS, help="Beam options, as one string")
    parser.add_argument("--no-cache", action="store_true", help="run every component anew")
    return parser


if __name__ == "__main__":
    sys.exit(main())
