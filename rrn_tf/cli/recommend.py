"""The command `rrn recommend`, which imports slow modules only when it runs."""

from __future__ import annotations

from typing import Any

import click

from rrn_tf.cli.format_options import FormatOptions, tell_layouts
from rrn_tf.cli.options import AT_HELP, example, json_option, one_line_errors, understood_time, write_json
from rrn_tf.cli.output_paths import OutputFile
from rrn_tf.cli.pipeline_options import options_of
from rrn_tf.features import TIMESTAMP, USER_ID
from rrn_tf.files import only_writer_of_file


@click.command(
    epilog=example(
        "rrn recommend --model runs/a --user 42 --at 2026-01-01 -k 10",
        "rrn recommend --model runs/events --users users.csv --output next.csv",
    )
)
@click.option("--model", required=True, help="A run directory or a SavedModel.")
@click.option("--user", "user_ids", multiple=True, help="User id; may be repeated. Unknown users are newbies.")
@click.option("--users", "users_file", help="File of many users: user_id[, timestamp].")
@click.option("--output", type=OutputFile(), help="CSV file to write for --users, one row per item.")
@click.option("--at", "at", help=AT_HELP)
@click.option("-k", "k", default=10, show_default=True, type=click.IntRange(min=1), help="Number of items per user.")
@click.option("--new-only", is_flag=True, help="Excludes items of the user's history; for ratings always.")
@options_of(FormatOptions)
@json_option
def recommend(
    model: str,
    user_ids: tuple[str, ...],
    users_file: str | None,
    output: str | None,
    at: str | None,
    k: int,
    new_only: bool,
    json_file: str | None,
    **reading: Any,
) -> None:
    """Recommends items to users at a given time.

    A model of ratings leaves out items that the user has rated; a model of events predicts the next items, including
    those met before, with their probabilities. Invalid rows of --users are listed and counted, and have a row without
    an item in --output.
    """
    if bool(user_ids) == bool(users_file) or bool(users_file) != bool(output):
        raise click.UsageError("expected --user, or --users together with --output")
    with one_line_errors(), only_writer_of_file(output):
        data_format = FormatOptions(**reading).over()
        if users_file:
            tell_layouts(users_file, (USER_ID,), data_format, (TIMESTAMP,))
        from dataclasses import asdict
        from pathlib import Path

        import numpy as np

        from rrn_tf.console.progress import bar
        from rrn_tf.console.tables import print_recommendations
        from rrn_tf.features import SCORE
        from rrn_tf.serving.empty_answers import why_nothing
        from rrn_tf.serving.load import load_saved_model
        from rrn_tf.serving.recommend_users import before_last, line_of_early, recommend_users
        from rrn_tf.serving.saved_rrn import SavedRRN
        from rrn_tf.serving.user_file import recommend_file

        timestamp = understood_time(at)
        # Compiling is worth its time for many users only.
        saved = load_saved_model(model, compiled=users_file is not None)
        of, met = (SCORE, "ratings") if isinstance(saved, SavedRRN) else ("probability", "events")
        if users_file and output:
            with bar("recommending") as on_users:
                outcome = recommend_file(
                    saved,
                    Path(users_file),
                    Path(output),
                    k,
                    of,
                    timestamp,
                    on_users,
                    new_only=new_only,
                    data_format=data_format,
                )
            click.echo(
                f"{outcome.items:,} items for {outcome.users:,} users in {output}; "
                f"{outcome.unknown_users:,} of unknown users"
            )
            for message in outcome.messages:
                click.echo(message, err=True)
            write_json(json_file, asdict(outcome))
            return
        if timestamp is None and isinstance(saved, SavedRRN):
            timestamp = saved.until
        asked = (
            np.array(user_ids, object),
            np.full(len(user_ids), timestamp or 0),
            np.full(len(user_ids), timestamp is not None),
        )
        found = recommend_users(saved, *asked, k, new_only=new_only)
        for line in line_of_early(saved, before_last(saved, *asked)):
            click.echo(line, err=True)
        answers = []
        for user, names, values, known in zip(user_ids, *found, strict=True):
            if len(user_ids) > 1:
                click.echo(f"user {user}")
            if not known:
                click.echo(f"user '{user}' has no {met}: recommended as to a newcomer", err=True)
            items = [(str(name), float(value)) for name, value in zip(names, values, strict=True) if value > -np.inf]
            if items:
                print_recommendations(items, of)
            else:
                click.echo(why_nothing(saved, user), err=True)
            told = [{"item": item, of: value} for item, value in items]
            answers.append({"user": user, "known": bool(known), TIMESTAMP: timestamp, "items": told})
        write_json(json_file, answers[0] if len(answers) == 1 else {"users": answers})
