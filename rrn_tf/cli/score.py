"""The command `rrn score`, which imports slow modules only when it runs."""

from __future__ import annotations

from typing import Any

import click

from rrn_tf.cli.format_options import FormatOptions, tell_layouts
from rrn_tf.cli.options import beam_options, example, json_option, max_bad_share_option, one_line_errors, write_json
from rrn_tf.cli.output_paths import OutputPrefix
from rrn_tf.cli.pipeline_options import options_of
from rrn_tf.features import EVENT_COLUMNS
from rrn_tf.files import only_writer_of_file


@click.command(epilog=example("rrn score --model runs/a --queries 'pairs/*.parquet' --output scores/pairs"))
@click.option("--model", required=True, help="A run directory or a SavedModel.")
@click.option("--queries", required=True, help="Files of user_id, item_id and timestamp.")
@click.option(
    "--output",
    required=True,
    type=OutputPrefix(),
    help="Prefix of the Parquet files written, with the column prediction.",
)
@max_bad_share_option(0.01, "0.01")
@click.option("--beam-args", default="", help="Beam pipeline options, as one string.")
@options_of(FormatOptions)
@json_option
def score(
    model: str,
    queries: str,
    output: str,
    max_bad_share: float,
    beam_args: str,
    json_file: str | None,
    **reading: Any,
) -> None:
    """Predicts ratings for any number of pairs with Beam. The order may change; rejected rows go to their own file."""
    import time

    with one_line_errors(), only_writer_of_file(output):
        data_format = FormatOptions(**reading).over()
        tell_layouts(queries, EVENT_COLUMNS, data_format)
        from rrn_tf.beam.score import score_pairs
        from rrn_tf.console.progress import showing
        from rrn_tf.environment import environment
        from rrn_tf.serving.saved_files import RECOMMEND, check_saved_model, find_saved_model
        from rrn_tf.slow_work import working

        # A remote model is located by Beam's workers.
        path = model
        if "://" not in model:
            path = str(find_saved_model(model))
            check_saved_model(path, RECOMMEND, "predict")  # other models are scored as well
        arguments = beam_options(beam_args)
        begin = time.perf_counter()
        with showing(), working("scoring pairs"):
            scored = score_pairs(
                path, queries, output, max_bad_share=max_bad_share, beam_args=arguments, data_format=data_format
            )
        seconds = time.perf_counter() - begin
        click.echo(
            f"{scored.pairs:,} pairs scored, {sum(scored.rejected.values()):,} rows rejected in {seconds:.1f} s "
            f"({scored.pairs / seconds:,.0f} pairs/s)\n"
            f"scores        {output}-*.parquet\ndead letters  {output}-dead_letters.jsonl"
        )
        figures = {"seconds": seconds, "pairs_per_second": scored.pairs / seconds}
        write_json(json_file, {**scored._asdict(), **figures, **environment(seed=0)})
