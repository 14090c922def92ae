"""`rrn update` updates a saved model's states by new ratings or events, without retraining."""

from __future__ import annotations

from typing import Any

import click

from rrn_tf.cli.format_options import FormatOptions, tell_layouts
from rrn_tf.cli.options import example, json_option, max_bad_share_option, one_line_errors, write_json
from rrn_tf.cli.output_paths import OutputFolder
from rrn_tf.cli.pipeline_options import options_of


@click.command(
    epilog=example(
        "rrn update --model runs/a --data new_ratings.csv --output runs/b",
        "rrn update --model serving_model --data new_ratings.csv --output serving_model",
    )
)
@click.option("--model", required=True, help="Run directory, SavedModel, or directory of numbered versions (newest).")
@click.option("--data", required=True, help="Files of new ratings or events; those already included are skipped.")
@click.option(
    "--output",
    required=True,
    type=OutputFolder(),
    help="Directory of the next model: saved as the next version if versions are numbered, else as `model`.",
)
@max_bad_share_option(None, "data.max_bad_share of the model's training, 0.01 if it does not say")
@options_of(FormatOptions)
@json_option
def update(
    model: str, data: str, output: str, max_bad_share: float | None, json_file: str | None, **reading: Any
) -> None:
    """Updates a model's states by new data, without retraining.

    Each rating (user, item and second) counts once, however often it is given. A late rating, which belongs before the
    latest step of its user or item, is added to that latest step. Ratings before the training cutoff are left out. New
    users and items get their own states.

    For a Collaborative RNN, each event (user, item and second) counts once as well; a late one is inserted in order of
    time. Users' states, their histories and the counts of other users are updated. New users start with their first
    event; a mixture recommends new items by histories and counts, but a network alone leaves their events out.
    """
    with one_line_errors("interrupted: no model was changed; start the same command again"):
        from rrn_tf.serving.saved_facts import columns_of_model

        data_format = FormatOptions(**reading).over()
        tell_layouts(data, columns_of_model(model), data_format)
        from rrn_tf.console.progress import showing
        from rrn_tf.console.tables import print_update
        from rrn_tf.runs.update_run import update_run
        from rrn_tf.slow_work import working

        with showing(), working("updating the model"):
            summary = update_run(model, data, output, max_bad_share, data_format)
        print_update(summary)
        for warning in summary["warnings"]:
            click.echo(warning, err=True)
        write_json(json_file, summary)
