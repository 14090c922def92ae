"""The command `rrn predict`, which imports slow modules only when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rrn_tf.cli.format_options import FormatOptions, tell_layouts
from rrn_tf.cli.kinds import PROTOCOLS
from rrn_tf.cli.options import example, json_option, one_line_errors, write_json
from rrn_tf.cli.output_paths import OutputFile
from rrn_tf.cli.pipeline_options import options_of
from rrn_tf.features import COLUMNS, EVENT_COLUMNS
from rrn_tf.files import only_writer_of_file


@click.command(epilog=example("rrn predict --model runs/a --queries queries.csv --output predictions.csv"))
@click.option("--model", required=True, help="A run directory or a SavedModel.")
@click.option("--queries", required=True, help="File of user_id, item_id and timestamp[, rating].")
@click.option(
    "--output",
    required=True,
    type=OutputFile(),
    help="CSV to write: the queries and a column prediction.",
)
@click.option(
    "--protocol",
    type=click.Choice(PROTOCOLS),
    default=PROTOCOLS[0],
    show_default=True,
    help="streaming requires ratings, and reveals each one to strictly later steps.",
)
@options_of(FormatOptions)
@json_option
def predict(model: str, queries: str, output: str, protocol: str, json_file: str | None, **reading: Any) -> None:
    """Predicts ratings for the queries in a file, in their order.

    Invalid rows have no prediction; a last column, `reason`, gives the reason.
    """
    with one_line_errors(), only_writer_of_file(output):
        data_format = FormatOptions(**reading).over()
        tell_layouts(queries, COLUMNS if protocol == PROTOCOLS[1] else EVENT_COLUMNS, data_format)
        from rrn_tf.console.progress import showing
        from rrn_tf.serving.query_file import predict_file
        from rrn_tf.serving.saved_rrn import SavedRRN
        from rrn_tf.slow_work import working

        with showing(), working("predicting"):
            outcome = predict_file(SavedRRN(model), Path(queries), Path(output), protocol, data_format)
        click.echo(
            f"{outcome.predicted:,} predictions in {output}; {outcome.unknown_users:,} of unknown users, "
            f"{outcome.unknown_items:,} of unknown items"
        )
        if outcome.before_cutoff:
            click.echo(
                f"{outcome.before_cutoff:,} queries lie before the last rating that the model has seen: "
                "answered as of then, so they are no forecasts",
                err=True,
            )
        for message in outcome.messages:
            click.echo(message, err=True)
        write_json(json_file, {"protocol": protocol, **outcome.as_dict()})
