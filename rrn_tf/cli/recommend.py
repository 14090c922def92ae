"""The command `rrn recommend`, which imports slow modules only when it runs."""

from __future__ import annotations

import click

from rrn_tf.cli.options import example, json_option, one_line_errors, write_json
from rrn_tf.cli.output_paths import OutputFile


@click.command(
    epilog=example(
        "rrn recommend --model runs/a --user 42 --at 2026-01-01 -k 10",
        "rrn recommend --model runs/events --users users.csv --output next.csv",
    )
)
@click.option("--model", required=True, help="A run directory or a SavedModel.")
@click.option("--user", "user_ids", multiple=True, help="User id; may be repeated. Unknown users are newbies.")
@click.option("--users", "users_file", help="File of many users, CSV or Parquet: user_id[,timestamp in unix seconds].")
@click.option("--output", type=OutputFile(), help="CSV file to write for --users, one row per item.")
@click.option("--at", "at", help="Time to recommend for, unix seconds or ISO date (default: after the latest data).")
@click.option("-k", "k", default=10, show_default=True, type=click.IntRange(min=1), help="Number of items per user.")
@click.option("--new-only", is_flag=True, help="Excludes items of the user's history; for ratings always.")
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
) -> None:
    """Recommends items to users at a given time.

    A model of ratings leaves out items that the user has rated; a model of events predicts the next items, including
    those met before, with their probabilities. Invalid rows of --users are listed and counted, and have a row without
    an item in --output.
    """
    if bool(user_ids) == bool(users_file) or bool(users_file) != bool(output):
        raise click.UsageError("expected --user, or --users together with --output")
    with one_line_errors():
        from dataclasses import asdict
        from pathlib import Path

        import numpy as np

        from rrn_tf.config import parse_time
        from rrn_tf.console.progress import bar
        from rrn_tf.console.tables import print_recommendations
        from rrn_tf.features import SCORE, TIMESTAMP
        from rrn_tf.serving.empty_answers import why_nothing
        from rrn_tf.serving.load import load_saved_model
        from rrn_tf.serving.recommend_users import recommend_users
        from rrn_tf.serving.saved_rrn import SavedRRN
        from rrn_tf.serving.user_file import recommend_file

        timestamp = None if at is None else parse_time(at)
        # Compiling is worth its time for many users only.
        saved = load_saved_model(model, compiled=users_file is not None)
        of, met = (SCORE, "ratings") if isinstance(saved, SavedRRN) else ("probability", "events")
        if users_file and output:
            with bar("recommending") as on_users:
                outcome = recommend_file(
                    saved, Path(users_file), Path(output), k, of, timestamp, on_users, new_only=new_only
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
        times = np.full(len(user_ids), timestamp or 0)
        found = recommend_users(
            saved,
            np.array(user_ids, object),
            times,
            np.full(len(user_ids), timestamp is not None),
            k,
            new_only=new_only,
        )
        answers = []
        for user, names, values, known in zip(user_ids, *found, strict=True):
            if len(user_ids) > 1:
                click.echo(f"user {user}")
            if not known:
                click.echo(f"user {user!r} has no {met}: recommended as to a newcomer", err=True)
            items = [(str(name), float(value)) for name, value in zip(names, values, strict=True) if value > -np.inf]
            if items:
                print_recommendations(items, of)
            else:
                click.echo(why_nothing(saved, user), err=True)
            told = [{"item": item, of: value} for item, value in items]
            answers.append({"user": user, "known": bool(known), TIMESTAMP: timestamp, "items": told})
        write_json(json_file, answers[0] if len(answers) == 1 else {"users": answers})
