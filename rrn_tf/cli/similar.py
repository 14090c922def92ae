"""The command `rrn similar`, which imports slow modules only when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rrn_tf.cli.format_options import FormatOptions
from rrn_tf.cli.options import (
    AT_HELP,
    ITEM_LIST_HELP,
    check_items,
    example,
    item_list,
    json_option,
    one_line_errors,
    understood_time,
    write_json,
)
from rrn_tf.cli.output_paths import OutputFile
from rrn_tf.cli.pipeline_options import options_of
from rrn_tf.files import only_writer_of_file


@click.command(
    epilog=example(
        "rrn similar --model runs/a --items 318 --at 2026-01-01 -k 10",
        "rrn similar --model runs/a --output similar.parquet",
    )
)
@click.option("--model", required=True, help="A run directory or a SavedModel.")
@click.option(
    "--items",
    "--item",
    "items",
    multiple=True,
    metavar="FILE|IDS",
    help=f"Items to compare; by default all. {ITEM_LIST_HELP}",
)
@click.option(
    "--output",
    type=OutputFile(),
    help="File to write, a row per similar item: Parquet by suffix, or CSV.",
)
@click.option("--at", "at", help=f"Only for ratings. {AT_HELP}")
@click.option("-k", "k", default=10, show_default=True, type=click.IntRange(min=1), help="Similar items for each item.")
@options_of(FormatOptions)
@json_option
def similar(
    model: str,
    items: tuple[str, ...],
    output: str | None,
    at: str | None,
    k: int,
    json_file: str | None,
    **reading: Any,
) -> None:
    """Finds the items that are most like others.

    The similarity is the cosine of the angle between the vectors of two items, from -1 to 1. For a model of ratings
    these are the items' states and factors at the time given (the columns of `rrn export-states`), network and Bayesian
    factors weighed as in a rating, without the items' biases; for a model of events, the items' weights in the softmax,
    which do not change with time. The options about the format of files apply to files of --items.
    """
    if not items and not output:
        raise click.UsageError("expected --items, or --output for the items like each item")
    with one_line_errors(), only_writer_of_file(output):
        asked = item_list(items, FormatOptions(**reading).over())
        from rrn_tf.console.tables import print_similar
        from rrn_tf.recommenders import load
        from rrn_tf.serving.table_file import write_frame

        loaded = load(model, compiled=False)
        known = frozenset(loaded.item_ids)
        check_items("--items", items, asked, known)
        # Unknown items are told of by now, and refused if there are no others.
        asked = asked and ([item for item in asked if item in known] or asked)
        found = loaded.similar(asked, at=understood_time(at), k=k)
        if output:
            write_frame(found, Path(output))
            click.echo(f"{len(found):,} similar items in {output}")
        else:
            print_similar(found)
        figures = {"output": output} if output else {"similar": found.to_dict("records")}
        write_json(json_file, {"rows": len(found), **figures})
