"""`rrn update`: new ratings or events move a saved model's states, nothing is retrained."""

from __future__ import annotations

import click

from rrn_tf.cli.options import example, json_option, max_bad_share_option, one_line_errors, write_json


@click.command(
    epilog=example(
        "rrn update --model runs/a --data new_ratings.csv --output runs/b",
        "rrn update --model serving_model --data new_ratings.csv --output serving_model",
    )
)
@click.option("--model", required=True, help="A run directory, a SavedModel or numbered versions, of which the newest.")
@click.option(
    "--data", required=True, help="New ratings or events, CSV or Parquet; what the model has seen is passed over."
)
@click.option(
    "--output",
    required=True,
    type=click.Path(file_okay=False),
    help="Where the next model goes: as the next version beside numbered ones, else as `model`.",
)
@max_bad_share_option
@json_option
def update(model: str, data: str, output: str, max_bad_share: float, json_file: str | None) -> None:
    """Rolls a model's states forward with new ratings, or events; nothing is retrained.

    Each rating (user, item and second) counts once, whenever it is given. A late one, of a step before one that its
    user or item has had ratings of already, joins that entity's latest step. Ratings from before the training cutoff
    are left out. New users and items get states of their own.

    Of a Collaborative RNN, each event (user, item and second) counts once likewise; a late one takes its place in order
    of time. Users' states, their past and the counts of others move. New users begin with their first event; new items
    are recommended by past and counts, and by a network alone not at all: their events are left out there.
    """
    with one_line_errors():
        from rrn_tf.console.tables import print_update
        from rrn_tf.runs.update_run import update_run

        summary = update_run(model, data, output, max_bad_share)
        print_update(summary)
        if future := summary["in_future"]:
            click.echo(
                f"{future:,} rows lie in the future: answers for which no time is given are of after them", err=True
            )
        write_json(json_file, summary)
