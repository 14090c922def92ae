"""The command `rrn report`, which imports slow modules only when it runs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rrn_tf.cli.options import InputError, example, json_option, one_line_errors, write_json
from rrn_tf.cli.output_paths import OutputFolder
from rrn_tf.files import only_writer_of_directory

if TYPE_CHECKING:
    import pandas as pd

    from rrn_tf.report.run_files import RunFiles

_PACKAGES = ("matplotlib", "jinja2")


@click.command(
    epilog=example(
        "rrn report --run runs/a --output runs/a/report",
        "rrn report --run runs/pipeline --output report --items movies.csv --events awards.csv --fast",
        "rrn report --run runs/a --output report --granularities 1d/7d,7d/7d,30d/30d --users 42,77",
    )
)
@click.option("--run", "run_dir", required=True, help="The output directory of `rrn train` or `rrn run`.")
@click.option("--output", required=True, type=OutputFolder(), help="The directory of the page and its files.")
@click.option("--items", help="Titles and other attributes of items: item_id,title,… By default those of the model.")
@click.option("--events", help="Dates of events to look at, only of ratings: CSV with item_id,date and other columns.")
@click.option(
    "--granularities",
    help="Only of ratings: trains anew with other time steps, of users and of items, such as 1d/7d,7d/7d.",
)
@click.option(
    "--users",
    multiple=True,
    metavar="IDS",
    help="Users whom the page may show, separated by commas; without it no id of a user is in the page.",
)
@click.option(
    "--explored-items",
    default=200,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many items, those with the most rows, can be looked up in the page.",
)
@click.option(
    "--sampled-users",
    default=200,
    show_default=True,
    type=click.IntRange(min=1),
    help="Over how many users, drawn once, predictions are averaged.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of draws and baselines.")
@click.option("--fast", is_flag=True, help="Leaves out the slow baselines.")
@click.option("--without", multiple=True, metavar="NAME", help="An experiment to leave out; may be repeated.")
@json_option
def report(
    run_dir: str,
    output: str,
    items: str | None,
    events: str | None,
    granularities: str | None,
    users: tuple[str, ...],
    explored_items: int,
    sampled_users: int,
    seed: int,
    fast: bool,
    without: tuple[str, ...],
    json_file: str | None,
) -> None:
    """Makes one HTML page of a run with the papers' tables and figures, on the run's own data.

    The model is compared with all baselines, under both protocols. Beside the page are the figures as PNG and SVG, the
    numbers as CSV, and report.json.
    """
    with one_line_errors(), only_writer_of_directory(output):
        require_packages()
        from rrn_tf.report.run_files import find_run
        from rrn_tf.tasks import RATINGS

        run = find_run(run_dir)
        if run.task is not RATINGS and (events or granularities):
            raise click.UsageError("--events and --granularities are for ratings, found a run of events")
        pairs = _pairs(granularities)
        shown_users = _listed(users)
        attributes = _attributes(items, run)
        dates = None
        if events:
            from rrn_tf.report.event_dates import read_event_dates

            dates = read_event_dates(events)

        from rrn_tf.console.progress import training_listener
        from rrn_tf.evaluation.experiments.subjects import ReportOptions
        from rrn_tf.report.subjects_of_runs import subject_of
        from rrn_tf.report.writing import PAGE_FILE, write_report

        options = ReportOptions(attributes, dates, pairs, shown_users, explored_items, sampled_users, seed)
        with training_listener() as listener:
            subject = subject_of(run, options, everything=not fast, echo=click.echo, listeners=[listener])
            record = write_report(run, subject, Path(output), without=without, on_part=lambda *of: click.echo(of[0]))
        left_out = [shown for part in record["experiments"] for shown in part["exhibits"] if "reason" in shown]
        if left_out:
            click.echo(f"{len(left_out)} tables and figures left out; the page says why")
        spent = ", ".join(f"{name} {value:.1f}" for name, value in record["seconds"].items())
        click.echo(
            f"report  {Path(output, PAGE_FILE)}: {record['page_bytes'] / 1e6:.1f} MB in "
            f"{sum(record['seconds'].values()):.1f} s ({spent})"
        )
        write_json(json_file, record)


def require_packages() -> None:
    """Raises an `InputError` unless the packages are installed by which a report is drawn and written."""
    for name in _PACKAGES:
        if find_spec(name) is None:
            raise InputError(f"rrn report needs the package {name}, found none: pip install 'rrn_tf[report]'")


def _pairs(text: str | None) -> tuple[tuple[int, int], ...]:
    """Returns the time steps of users and items in seconds that `--granularities` names."""
    from rrn_tf.config import parse_duration

    pairs = []
    for pair in filter(None, (text or "").split(",")):
        try:
            user, item = (parse_duration(part) for part in pair.split("/"))
        except ValueError:
            raise click.UsageError(
                f"--granularities: expected pairs of durations such as 1d/7d,7d/7d, found {pair!r}"
            ) from None
        pairs.append((user, item))
    return tuple(pairs)


def _listed(users: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the ids of `--users`."""
    return tuple(dict.fromkeys(name.strip() for value in users for name in value.split(",") if name.strip()))


def _attributes(items: str | None, run: RunFiles) -> pd.DataFrame | None:
    """Returns the attributes of items in a file, or those that are kept with the model."""
    from rrn_tf.data.items import items_of, read_items

    if items:
        return read_items(items, lambda line: click.echo(line, err=True))
    return items_of(run.model)
