"""The command `rrn tune`, which imports slow modules only when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rrn_tf.cli.format_options import FormatOptions, tell_layouts
from rrn_tf.cli.kinds import EVENT_PROTOCOLS, MODEL_HELP, MODELS, PROTOCOLS, RRN, config_of
from rrn_tf.cli.options import (
    CONFIG_HELP,
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

SELECTIONS = (*PROTOCOLS, "both", *EVENT_PROTOCOLS)
SEARCHES = ("random", "bayesian", "grid")  # as in rrn_tf.tuning.tuner


@click.command(
    epilog=example(
        "rrn tune --data ratings.csv --output runs/tuned --minutes 60",
        "rrn tune --model crnn --data events.csv --output runs/tuned --space space.yaml --trials 20",
    )
)
@click.option("--data", required=True, help="The data, as for `rrn train`.")
@click.option("--output", required=True, type=OutputFolder(), help="Directory of a new or a resumed search.")
@click.option("--model", "kind", type=click.Choice(MODELS), default=RRN, show_default=True, help=MODEL_HELP)
@click.option("--config", "config_name", help=f"{CONFIG_HELP} By default rrn-plus, or crnn-plus.")
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@click.option(
    "--protocol",
    type=click.Choice(SELECTIONS),
    help="Validation protocol that selects epochs and trials (training.selection); the last two are for events.",
)
@click.option("--minutes", default=60.0, show_default=True, type=click.FloatRange(min=0), help="Time limit of a call.")
@click.option("--trials", default=100, show_default=True, type=click.IntRange(min=1), help="Maximum over all calls.")
@click.option("--space", "space_file", help="YAML file: for each setting a list of values, or {min, max, log}.")
@click.option("--search", type=click.Choice(SEARCHES), default=SEARCHES[0], show_default=True, help="Search method.")
@click.option("--beam-args", default="", help="Beam pipeline options, as one string.")
@options_of(FormatOptions)
@json_option
def tune(
    data: str,
    output: str,
    kind: str,
    config_name: str | None,
    overrides: tuple[str, ...],
    protocol: str | None,
    minutes: float,
    trials: int,
    space_file: str | None,
    search: str,
    beam_args: str,
    json_file: str | None,
    **reading: Any,
) -> None:
    """Searches settings by validation data and writes best.yaml.

    Test data are not used. When the time is up the running trial stops, unless no trial has finished successfully yet;
    the same command resumes the search, without repeating finished trials. training.seed also seeds the search.
    """
    import shlex

    overrides = (*overrides, *([f"training.selection={protocol}"] if protocol else []))
    with one_line_errors("interrupted: the same command goes on with the search, from the trial that was stopped"):
        from rrn_tf.config import ConfigError
        from rrn_tf.tasks import TASKS
        from rrn_tf.tuning.space import SearchSpace

        task, config = TASKS[kind], FormatOptions(**reading).into(config_of(kind, config_name, overrides))
        tell_layouts(data, task.columns, config.data.format, named=True)

        try:
            space = SearchSpace.load(space_file, config)
        except ConfigError as error:
            raise click.UsageError(str(error)) from None
        from rrn_tf.cluster import several_workers
        from rrn_tf.data.datasets import resolve

        if several_workers():
            raise click.UsageError("expected one worker, found several in TF_CONFIG")
        source = resolve(data, Path(output, "data"))
        click.echo(source.description)
        from rrn_tf.console.progress import showing
        from rrn_tf.console.tables import print_trials
        from rrn_tf.environment import environment
        from rrn_tf.runs.tuning_run import BEST_FILE, tune_run
        from rrn_tf.training.devices import set_logical_devices

        set_logical_devices(config.training.replicas)
        with only_writer_of_directory(output), showing():
            finished = tune_run(
                source.pattern,
                output,
                config,
                space,
                search=search,
                max_trials=trials,
                seconds=60 * minutes,
                beam_args=beam_options(beam_args),
                echo=click.echo,
            )
        print_trials(finished, config.training.selection, task.figure)
        best = Path(output, BEST_FILE)
        model = "" if kind == RRN else f" --model {kind}"
        click.echo(f"rrn train{model} --data {shlex.quote(data)} --config {shlex.quote(str(best))} --output runs/best")
        figures = {"protocol": config.training.selection, "best": str(best)}
        rows = [trial.as_dict(task.objective) for trial in finished]
        write_json(json_file, {**figures, "trials": rows, **environment(config.training.seed)})
