"""The command `rrn recommend`, which imports slow modules only when it runs."""

from __future__ import annotations

from typing import Any

import click

from rrn_tf.cli.format_options import FormatOptions, tell_layouts
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
from rrn_tf.features import TIMESTAMP, USER_ID
from rrn_tf.files import only_writer_of_file


@click.command(
    epilog=example(
        "rrn recommend --model runs/a --user 42 --at 2026-01-01 -k 10",
        "rrn recommend --model runs/events --users users.csv --output next.parquet",
        "rrn recommend --model runs/a --user new --history ratings_of_new.csv --exclude 7,9 --candidates in_stock.csv",
    )
)
@click.option("--model", required=True, help="A run directory or a SavedModel.")
@click.option("--user", "user_ids", multiple=True, help="User id; may be repeated. Unknown users are newbies.")
@click.option("--users", "users_file", help="File of many users: user_id[, timestamp].")
@click.option(
    "--output",
    type=OutputFile(),
    help="File to write for --users, a row per item: Parquet by its suffix, else CSV.",
)
@click.option("--at", "at", help=AT_HELP)
@click.option("-k", "k", default=10, show_default=True, type=click.IntRange(min=1), help="Number of items per user.")
@click.option("--new-only", is_flag=True, help="Excludes items of the user's history; for ratings always.")
@click.option("--exclude", multiple=True, metavar="FILE|IDS", help=f"Items to leave out. {ITEM_LIST_HELP}")
@click.option("--candidates", multiple=True, metavar="FILE|IDS", help=f"The only items to recommend. {ITEM_LIST_HELP}")
@click.option(
    "--history",
    help="CSV or Parquet of ratings or events of some of the users, known or not. Ratings are a user's whole history, "
    "in place of what the model has stored; events follow the stored ones.",
)
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
    exclude: tuple[str, ...],
    candidates: tuple[str, ...],
    history: str | None,
    json_file: str | None,
    **reading: Any,
) -> None:
    """Recommends items to users at a given time.

    A model of ratings leaves out items that the user has rated; a model of events predicts the next items, including
    those met before, with their probabilities. Invalid rows of --users are listed and counted, and have a row without
    an item in --output.

    The options about the format of files apply to --history or, without it, to --users or, without both, to files of
    --exclude and --candidates. They apply to the others of these only where a file is not recognised by itself.
    """
    if bool(user_ids) == bool(users_file) or bool(users_file) != bool(output):
        raise click.UsageError("expected --user, or --users together with --output")
    with one_line_errors(), only_writer_of_file(output):
        from rrn_tf.data.reading.first_look import format_beside
        from rrn_tf.serving.saved_facts import columns_of_model

        data_format = FormatOptions(**reading).over()
        if history is not None:
            tell_layouts(history, columns_of_model(model), data_format)
        of_users = data_format
        if users_file:
            of_users = data_format if history is None else format_beside(users_file, (USER_ID,), data_format)
            tell_layouts(users_file, (USER_ID,), of_users, (TIMESTAMP,))
        from dataclasses import asdict
        from pathlib import Path

        import numpy as np

        from rrn_tf.serving.user_table import read_users

        # Files are judged before anything imports TensorFlow.
        beside = bool(history or users_file)
        left_out, among = (item_list(given, data_format, beside=beside) for given in (exclude, candidates))
        table = read_users(Path(users_file), of_users) if users_file else None
        from rrn_tf.console.progress import bar
        from rrn_tf.console.tables import print_recommendations
        from rrn_tf.data.items import TITLE
        from rrn_tf.features import CANDIDATES, EXCLUDE, NEW_ONLY, SCORE
        from rrn_tf.recommenders import RRNRecommender, load
        from rrn_tf.serving.empty_answers import why_nothing
        from rrn_tf.serving.recommend_users import before_last, line_of_early, recommend_users
        from rrn_tf.serving.user_file import recommend_file

        timestamp = understood_time(at)
        # Compiling is worth its time for many users only.
        loaded = load(model, compiled=users_file is not None)
        of_ratings = isinstance(loaded, RRNRecommender)
        of, met = (SCORE, "ratings") if of_ratings else ("probability", "events")
        known_items, titles = frozenset(loaded.item_ids), loaded.titles
        asked: dict[str, Any] = {EXCLUDE: left_out or (), CANDIDATES: among, NEW_ONLY: new_only}
        check_items("--exclude", exclude, left_out, known_items)
        check_items("--candidates", candidates, among, known_items)
        histories = None
        if history is not None:
            histories, messages = loaded.histories(history, data_format)
            for message in messages:
                click.echo(message, err=True)
        if table and output:
            with bar("recommending") as on_users:
                asked |= {"histories": histories, "titles": titles}
                outcome = recommend_file(loaded.saved, table, Path(output), k, of, timestamp, on_users, **asked)
            click.echo(
                f"{outcome.items:,} items for {outcome.users:,} users in {output}; "
                f"{outcome.unknown_users:,} of unknown users"
            )
            for message in outcome.messages:
                click.echo(message, err=True)
            write_json(json_file, asdict(outcome))
            return
        users = np.array(user_ids, object)
        times, timed = np.full(len(users), timestamp or 0), np.full(len(users), timestamp is not None)
        found = recommend_users(loaded.saved, users, times, timed, k, histories=histories, **asked)
        for line in line_of_early(loaded.saved, before_last(loaded.saved, users, times, timed)):
            click.echo(line, err=True)
        given = np.zeros(len(users), bool) if histories is None else histories.have(users)
        answers = []
        for user, names, values, known, own in zip(user_ids, *found, given, strict=True):
            if len(user_ids) > 1:
                click.echo(f"user {user}")
            if not known and not own:
                click.echo(f"user '{user}' has no {met}: recommended as to a newcomer", err=True)
            items = [(str(name), float(value)) for name, value in zip(names, values, strict=True) if value > -np.inf]
            if items:
                print_recommendations(items, of, titles)
            else:
                click.echo(why_nothing(loaded.saved, user, limited=bool(exclude or candidates)), err=True)
            told = [
                {"item": item, **({TITLE: titles[item]} if item in titles else {}), of: value} for item, value in items
            ]
            when = loaded.saved.until if of_ratings and timestamp is None and not own else timestamp
            answers.append({"user": user, "known": bool(known), TIMESTAMP: when, "items": told})
        write_json(json_file, answers[0] if len(answers) == 1 else {"users": answers})
