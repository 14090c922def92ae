"""The command `rrn export-states`, which imports slow modules only when it runs."""

from __future__ import annotations

from pathlib import Path

import click

from rrn_tf.cli.options import AT_HELP, example, json_option, one_line_errors, understood_time, write_json
from rrn_tf.cli.output_paths import OutputFile
from rrn_tf.files import only_writer_of_file

_USERS, _ITEMS = "users", "items"


@click.command(
    name="export-states",
    epilog=example(
        "rrn export-states --model runs/a --side items --at 2026-01-01 --output items.parquet",
        "rrn export-states --model runs/a --side users --output users.npy",
    ),
)
@click.option("--model", required=True, help="A run directory or a SavedModel.")
@click.option("--side", required=True, type=click.Choice([_USERS, _ITEMS]), help="Whose vectors to write.")
@click.option(
    "--output",
    required=True,
    type=OutputFile(),
    help="File to write: .parquet with a column of ids, or .npy with the ids beside it, one per line, in .ids.txt.",
)
@click.option("--at", "at", help=f"Only for ratings. {AT_HELP}")
@json_option
def export_states(model: str, side: str, output: str, at: str | None, json_file: str | None) -> None:
    """Writes the vectors of all users or items at a time.

    Columns state_0, ... change with time and data, factor_0, ... do not. For a model of ratings the inner product of a
    user's and an item's vector at one time is the predicted rating, before it is clipped. With Bayesian factors the
    last two columns of an item are a one and its bias. For a model of events, which knows no other time than the
    present, users have hidden states and items their weights in the softmax.
    """
    with one_line_errors(), only_writer_of_file(output):
        from rrn_tf.recommenders import load
        from rrn_tf.serving.state_file import check_name, write_states

        check_name(Path(output))
        loaded = load(model, compiled=False)
        known = loaded.user_ids if side == _USERS else loaded.item_ids
        found = loaded.states(**{side: known}, at=understood_time(at))
        moving = int(found.columns.str.startswith("state_").sum())
        files = [str(file) for file in write_states(found, Path(output))]
        click.echo(
            f"{len(found):,} {side} with {moving} columns of states and {found.shape[1] - moving} of factors in "
            f"{' and '.join(files)}"
        )
        figures = {"side": side, "rows": len(found), "states": moving, "factors": found.shape[1] - moving}
        write_json(json_file, {**figures, "files": files})
