"""Ablation of the default model of events: the whole compared with the model without each part, on several logs.

User factors are no part of the default: their row adds them.

    python -m benchmarks.next_item_ablation runs/ablation checkins.csv.gz synthetic-events:seed=1 synthetic-listening
    python -m benchmarks.next_item_ablation runs/planted synthetic-listening --planted

Every model is trained to its best epoch on validation events; test events are reported once. Figures that are already
in OUTPUT are not computed again.

OUTPUT/ablation.md            the table
OUTPUT/LOG/sequences          the prepared events
OUTPUT/LOG/ROW-SEED.json      figures of one training
OUTPUT/cache/                 generated logs
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

from benchmarks.crnn_seeds import Seeds
from benchmarks.event_rows import EventLog, Row, difference, trained_rows
from rrn_tf.cli.options import CONFIG_HELP, SET_HELP, one_line_errors, resolved_config
from rrn_tf.collaborative_config import PARTS, CollaborativeConfig
from rrn_tf.config import CRNN_PLUS
from rrn_tf.data.sets.synthetic_listening import NAME as SYNTHETIC_LISTENING
from rrn_tf.evaluation.event_metrics import Estimate
from rrn_tf.evaluation.tables import aligned_text, markdown
from rrn_tf.files import write_whole

WHOLE = "whole"
# Rows of the table by name, with their overrides of the configuration.
LADDER: dict[str, tuple[str, ...]] = {
    WHOLE: (),
    **{f"without {part}": (f"model.without=[{part}]",) for part in PARTS},
    "without attention": ("model.attention=0",),
    "without time": ("model.clock=false",),
    "with user factors": ("model.stationary=32",),
}
# For each part that can be left out, the options of the generator with the effects that it models.
EFFECTS: dict[str, tuple[str, ...]] = {
    "recency": ("recency",),
    "hour": ("hour",),
    "week": ("week",),
    "context": ("transition",),
    "following": ("following",),
    "popularity": ("popularity",),
    "meeting": ("following", "genre"),
    "network": ("following", "genre", "group"),
    "gate": ("pause", "length"),
}
HEADINGS = ["", "valid NLL", "test NLL", "less whole", "NDCG@10", "s", "parameters"]
PLANTED_HEADINGS = ["part", "effect", "worth", "costs", "without the effect"]


@click.command()
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@click.argument("logs", nargs=-1, required=True, metavar="LOG...")
@click.option("--only", multiple=True, metavar="PART", help="Train only this part's row; may be repeated.")
@click.option("--seeds", type=Seeds(), default="0,1,2", show_default=True)
@click.option("--config", "preset", default=CRNN_PLUS, show_default=True, help=CONFIG_HELP)
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@click.option(
    "--planted", is_flag=True, help="For logs of synthetic-listening: train also without each planted effect."
)
def main(
    output: Path,
    logs: tuple[str, ...],
    only: tuple[str, ...],
    seeds: list[int],
    preset: str,
    overrides: tuple[str, ...],
    planted: bool,
) -> None:
    """Trains every row of the table on each LOG (as `rrn train --data`) and writes OUTPUT/ablation.md."""
    with one_line_errors():
        if unknown := [part for part in only if part not in map(_part, LADDER)]:
            raise click.UsageError(
                f"expected --only of {', '.join(PARTS)}, attention, time or user factors, found {unknown[0]}"
            )
        if planted and (without := [part for part in only if part not in EFFECTS]):
            raise click.UsageError(f"with --planted, expected --only of {', '.join(EFFECTS)}, found {without[0]}")
        if planted and (others := [log for log in logs if log.partition(":")[0] != SYNTHETIC_LISTENING]):
            raise click.UsageError(f"--planted needs logs of {SYNTHETIC_LISTENING}, found {others[0]}")
        chosen = [part for part in EFFECTS if part in (only or EFFECTS)]
        names = [name for name in LADDER if name == WHOLE or not only or _part(name) in only]
        bench = _Bench(output, preset, overrides, seeds)
        table = bench.effects if planted else bench.ablation
        parts = [part for log in logs for part in table(log, chosen if planted else names)]
        write_whole(output / "ablation.md", "\n\n".join(parts) + "\n")
    click.echo(f"{output / 'ablation.md'} holds the table")


def _part(name: str) -> str:
    return name.removeprefix("without ").removeprefix("with ")


class _Bench:
    """Trains the models that are not in the output folder yet, and builds the tables.

    Args:
      output: folder of all results.
      preset, overrides: configuration of the whole model.
      seeds: seeds of each row.
    """

    def __init__(self, output: Path, preset: str, overrides: Sequence[str], seeds: Sequence[int]) -> None:
        self._output, self._preset, self._overrides, self._seeds = output, preset, tuple(overrides), seeds

    def ablation(self, log: str, names: Sequence[str]) -> list[str]:
        """Builds title and table of a log, with one line for each model."""
        lines, whole = [], self._rows(log, WHOLE)
        for name in names:
            rows = self._rows(log, name)
            lines.append(_cells(name, rows, None if name == WHOLE else difference(rows, whole)))
            click.echo(aligned_text(HEADINGS, lines[-1:]))
        return [f"## {self._title(log)}", markdown(HEADINGS, lines)]

    def effects(self, log: str, parts: Sequence[str]) -> list[str]:
        """Builds title and table of a generated log: gain of each effect, and cost of omitting its part, twice."""
        lines, of_log = [], self._log(log)
        for part in parts:
            # Later options override earlier ones of the same name.
            separator = "," if ":" in log else ":"
            off = f"{log}{separator}{','.join(f'{effect}=0' for effect in EFFECTS[part])}"
            costs = [difference(self._rows(of, f"without {part}"), self._rows(of, WHOLE)) for of in (log, off)]
            worth = of_log.worth(EFFECTS[part])
            lines.append([part, ", ".join(EFFECTS[part]), f"{worth:.4f}", *map(_signed, costs)])
            click.echo(aligned_text(PLANTED_HEADINGS, lines[-1:]))
        return [f"## {self._title(log)}", markdown(PLANTED_HEADINGS, lines)]

    def _title(self, log: str) -> str:
        best, losses = self._log(log).best_nll, [row.test_nll for row in self._rows(log, WHOLE)]
        known = "" if best is None else f": best reachable test NLL {best:.4f}, the whole {np.mean(losses):.4f}"
        return f"{self._log(log).name}{known}"

    def _rows(self, log: str, name: str) -> list[Row]:
        """Trains or loads the model of each seed."""
        of_log = self._log(log)
        config = resolved_config(self._preset, (*self._overrides, *LADDER[name]), CollaborativeConfig)
        seeded = [replace(config, training=replace(config.training, seed=seed)) for seed in self._seeds]
        return trained_rows(of_log, name, seeded, click.echo)

    def _log(self, log: str) -> EventLog:
        config = resolved_config(self._preset, self._overrides, CollaborativeConfig)
        return EventLog(self._output, log, config.data)


def _cells(name: str, rows: Sequence[Row], less: Estimate | None) -> list[str]:
    means = [
        np.mean(values) for values in zip(*((r.valid_nll, r.test_nll, r.ndcg, r.seconds) for r in rows), strict=True)
    ]
    valid, test, ndcg, seconds = means
    costs = [f"{ndcg:.4f}", f"{seconds:.0f}", f"{rows[0].parameters:,}"]
    return [name, f"{valid:.4f}", f"{test:.4f}", "" if less is None else _signed(less), *costs]


def _signed(less: Estimate) -> str:
    return f"{less.value:+.4f} ± {less.standard_error:.4f}"


if __name__ == "__main__":
    main()
