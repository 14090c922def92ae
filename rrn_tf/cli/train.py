"""The command `rrn train`, which imports slow modules only when it runs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from rrn_tf.cli.format_options import FormatOptions, tell_layouts
from rrn_tf.cli.kinds import MODEL_HELP, MODELS, config_of
from rrn_tf.cli.options import (
    CONFIG_HELP,
    ITEMS_HELP,
    SET_HELP,
    beam_options,
    example,
    json_option,
    one_line_errors,
    write_json,
)
from rrn_tf.cli.output_paths import OutputFolder
from rrn_tf.cli.pipeline_options import options_of
from rrn_tf.files import only_writer_of_directory


@click.command(
    epilog=example(
        "rrn train --data ratings.csv --output runs/a --set training.epochs=5",
        "rrn train --model crnn --data events.csv --output runs/b",
    )
)
@click.option(
    "--data",
    required=True,
    help="Path, movielens-small, tfds:NAME or generated: synthetic, synthetic-events, -listening.",
)
@click.option("--output", required=True, type=OutputFolder(), help="The run directory.")
@click.option("--model", "kind", type=click.Choice(MODELS), default=MODELS[0], show_default=True, help=MODEL_HELP)
@click.option("--valid", help="Later ratings or events for validation; all of --data is then for training.")
@click.option("--items", "items_file", help=ITEMS_HELP)
@click.option("--config", "config_name", help=f"{CONFIG_HELP} By default rrn-plus, or crnn-plus.")
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@click.option("--beam-args", default="", help="Beam pipeline options, as one string.")
@click.option("--resume", is_flag=True, help="Resumes from the last finished phase of the run in --output, if any.")
@options_of(FormatOptions)
@json_option
def train(
    data: str,
    output: str,
    kind: str,
    valid: str | None,
    items_file: str | None,
    config_name: str | None,
    overrides: tuple[str, ...],
    beam_args: str,
    resume: bool,
    json_file: str | None,
    **reading: Any,
) -> None:
    """Trains an RRN on ratings, or a Collaborative RNN on events. Writes a run directory with its SavedModel.

    If TF_CONFIG names several workers, run this command on each; they share the work and the run directory.
    """
    with one_line_errors("interrupted: the same command with --resume goes on after the last finished phase"):
        from rrn_tf.cluster import several_workers
        from rrn_tf.tasks import TASKS

        config = FormatOptions(**reading).into(config_of(kind, config_name, overrides))
        for pattern in filter(None, (data, valid)):
            tell_layouts(pattern, TASKS[kind].columns, config.data.format, named=True)
        from rrn_tf.data.items import read_items

        items = read_items(items_file, click.echo) if items_file else None
        from rrn_tf.data.datasets import resolve

        strategy = None
        if several_workers():
            from rrn_tf.runs.training_run import train_worker
            from rrn_tf.training.devices import make_strategy
            from rrn_tf.training.workers import is_chief

            # Workers must connect before any other operation of TensorFlow.
            strategy = make_strategy(config.training.replicas)
            if not is_chief(strategy):
                train_worker(output, config, strategy)
                return
        source = resolve(data, Path(output, "data"))
        click.echo(source.description)
        if items is None and source.items:
            items = read_items(source.items)
        valid_pattern = resolve(valid, Path(output, "data")).pattern if valid else None
        from rrn_tf.console.progress import training_listener
        from rrn_tf.console.tables import PRINT_METRICS, PRINT_PREPARED
        from rrn_tf.runs.directory import RunPaths
        from rrn_tf.runs.training_run import train_run
        from rrn_tf.training.devices import set_logical_devices

        set_logical_devices(config.training.replicas)
        with only_writer_of_directory(output), training_listener() as listener:
            summary = train_run(
                source.pattern,
                output,
                config,
                valid=valid_pattern,
                strategy=strategy,
                listeners=[listener],
                on_prepared=PRINT_PREPARED[kind],
                best_error=TASKS[kind].best_error(source),
                items=items,
                beam_args=beam_options(beam_args),
                resume=resume,
            )
        PRINT_METRICS[kind](summary)
        paths = RunPaths(Path(output))
        click.echo(f"model  {paths.model}\nlogs   {paths.logs}\ndead letters  {paths.dead_letters}")
        click.echo(f"report  {shlex.join(['rrn', 'report', '--run', output, '--output', str(Path(output, 'report'))])}")
        write_json(json_file, summary)
