"""The command `rrn evaluate`, which imports slow modules only when it runs."""

from __future__ import annotations

from typing import Any

import click

from rrn_tf.cli.format_options import FormatOptions, tell_layouts
from rrn_tf.cli.kinds import EVENT_PROTOCOLS, PROTOCOLS
from rrn_tf.cli.options import example, json_option, one_line_errors, write_json
from rrn_tf.cli.pipeline_options import options_of
from rrn_tf.features import NEW_ONLY


@click.command(
    epilog=example(
        "rrn evaluate --model runs/a --data later_ratings.csv --top-k 10",
        "rrn evaluate --model runs/b --data later_events.csv --metrics nll,ndcg -k 5 -k 20 --new-only",
    )
)
@click.option("--model", required=True, help="A run directory or a SavedModel.")
@click.option(
    "--data", required=True, help="Files of data after the training: user_id, item_id[, rating] and timestamp."
)
@click.option(
    "--protocol",
    type=click.Choice([*PROTOCOLS, *EVENT_PROTOCOLS]),
    help=f"For ratings {PROTOCOLS[0]} (default) or {PROTOCOLS[1]}; for events {' or '.join(EVENT_PROTOCOLS)}.",
)
@click.option("--metrics", help="Only events, separated by commas: nll, hit, mrr, ndcg (default: all).")
@click.option(
    "-k",
    "--top-k",
    "ks",
    multiple=True,
    type=click.IntRange(min=1),
    help="Length of the lists of hit@k and NDCG@k. Of ratings lists are scored only if this is given; events: 10.",
)
@click.option(
    "--relevant-from",
    type=float,
    help="Only ratings, with --top-k: the least rating that is relevant (default: three quarters of the way from the "
    "lowest to the highest training rating, which is 4 of 1 to 5).",
)
@click.option(
    "--new-only", is_flag=True, help="Only events: scores events with items new to the user, ranked among such items."
)
@options_of(FormatOptions)
@json_option
def evaluate(
    model: str,
    data: str,
    protocol: str | None,
    metrics: str | None,
    ks: tuple[int, ...],
    relevant_from: float | None,
    new_only: bool,
    json_file: str | None,
    **reading: Any,
) -> None:
    """Evaluates a model on later ratings or events.

    Reports RMSE and MAE of ratings, separately for known and for unknown users and items, and by slice; for events the
    loss and ranks of next items, also by kind of event. Invalid rows, and repeated ratings of the same user, item and
    second, are left out, listed and counted.

    With --top-k ratings are scored as lists too. For each user and second with relevant ratings, all items that the
    model knows and the user has not rated before are ranked as of then; under the streaming protocol the states take in
    earlier ratings at up to 32 points of time. Hit, recall, NDCG and MRR are averaged over the lists of each user, then
    over users.
    """
    with one_line_errors():
        from rrn_tf.serving.saved_facts import columns_of_model

        data_format = FormatOptions(**reading).over()
        tell_layouts(data, columns_of_model(model), data_format)
        from rrn_tf.console.progress import showing
        from rrn_tf.console.tables import PRINT_METRICS, print_slices
        from rrn_tf.environment import environment
        from rrn_tf.evaluation.event_figures import METRICS, Measures
        from rrn_tf.serving.load import load_saved_model
        from rrn_tf.slow_work import working
        from rrn_tf.tasks import EVENTS, task_of_saved

        saved = load_saved_model(model)
        task = task_of_saved(saved)
        protocol = protocol or task.protocols[0]
        if protocol not in task.protocols:
            raise click.UsageError(f"{model}: expected the protocol {' or '.join(task.protocols)}, found {protocol}")
        if task is not EVENTS and (metrics is not None or new_only):
            raise click.UsageError(f"{model}: --metrics and --new-only are for events, found a model of {task.rows}")
        if relevant_from is not None and (task is EVENTS or not ks):
            raise click.UsageError(f"{model}: --relevant-from is for lists of a model of ratings, with --top-k")
        names = METRICS if metrics is None else tuple(name.strip() for name in metrics.split(","))
        lengths = tuple(dict.fromkeys(ks))
        try:
            measures = Measures(names, lengths or (10,))
        except ValueError as error:
            raise click.UsageError(f"--metrics: {error}") from None
        of_events = {"measures": measures, NEW_ONLY: new_only}
        of_ratings = {"top_k": lengths, "relevant_from": relevant_from}
        options: dict[str, Any] = {"data_format": data_format, **(of_events if task is EVENTS else of_ratings)}
        with showing(), working("evaluating"):
            outcome = task.evaluate(saved, data, protocol, **options)
        PRINT_METRICS[task.name](outcome.metrics)
        print_slices(outcome.slices)
        for message in outcome.messages:
            click.echo(message, err=True)
        write_json(
            json_file,
            {**outcome.metrics, "slices": outcome.slices, "rejected": outcome.rejected, **environment(seed=0)},
        )
