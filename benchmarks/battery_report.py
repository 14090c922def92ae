"""Formats the results of `benchmarks.rating_battery` as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rrn_tf.evaluation.protocols import PROTOCOLS
from rrn_tf.evaluation.tables import markdown
from rrn_tf.features import Split

KNOWN, WITH_UNSEEN = "known", "with unseen"
VALID, TEST = "valid", "test"
ROWS: dict[str, dict[str, tuple[Split, ...]]] = {
    KNOWN: {VALID: (Split.VALID,), TEST: (Split.TEST,)},
    WITH_UNSEEN: {VALID: (Split.VALID, Split.VALID_COLD), TEST: (Split.TEST, Split.TEST_COLD)},
}
_ABOUT = """\
Test RMSE, lower is better; every option and epoch was chosen on validation ratings. Rows: test ratings of users and
items with training ratings (known), and those of unseen ones as well, for models that predict them. The best other
model is the one with the lowest test RMSE. Differences are another model's RMSE less RRN's, positive if RRN is better,
with the standard error of the paired difference, users as clusters; differences to the mean of seeds are means over
seeds of the difference and of its standard error, which may be too large but not too small. All predictions are
clipped to the range of training and validation ratings. Streaming: RRN observes all later ratings of strictly earlier
steps, our baselines all of strictly earlier timestamps, peers only those of known users and items. Seconds are those of
fitting, including the choice of options; blank is unknown."""

Table = tuple[str, list[str], list[list[str]]]


def tables(figures: dict[str, Any]) -> Iterator[Table]:
    """Yields title, headings and lines of each table: the summary, one for each board, and the ablation."""
    seeds, sets = figures["seeds"], figures["sets"]
    several = len(seeds) > 1
    reference = "mean of seeds" if several else f"seed {seeds[0]}"
    ours = f"RRN, seed{'s' if several else ''} {', '.join(map(str, seeds))}"
    lines = []
    for name, protocol, rows, found in _boards(sets):
        others = [line for line in found if not line["ours"]]
        best = (
            [f"{others[0][TEST]:.4f} ({others[0]['model']})", _signed(others[0]["less_mean"])] if others else ["", ""]
        )
        by_seed = {line["model"]: f"{line[TEST]:.4f}" for line in found if line["ours"]}
        errors = ", ".join(by_seed[f"RRN seed {seed}"] for seed in seeds)
        lines.append([name, protocol, rows, f"{_size(sets[name], rows):,}", errors, *best])
    yield "Summary", ["set", "protocol", "rows", "ratings", ours, "best other", f"less RRN ({reference})"], lines
    columns = ["model", "valid", "test", f"less seed {seeds[0]}", *(["less mean of seeds"] if several else [])]
    for name, protocol, rows, found in _boards(sets):
        title = f"{name}, {protocol}, {rows}: {_size(sets[name], rows):,} test ratings"
        yield title, [*columns, "s", "MB", "parameters"], [_cells(line, several) for line in found]
    if "ablation" in figures:
        yield _ablation_table(figures["ablation"])


def _ablation_table(ablation: dict[str, Any]) -> Table:
    columns = [(of, protocol, part) for of in ablation for protocol in PROTOCOLS for part in (VALID, TEST)]
    lines = [
        [rung, *(f"{ablation[of][rung][protocol][part]:.4f}" for of, protocol, part in columns)]
        for rung in next(iter(ablation.values()))
    ]
    return "Ablation: RMSE on known rows, mean of seeds", ["", *map(" ".join, columns)], lines


def _boards(sets: dict[str, Any]) -> Iterator[tuple[str, str, str, list[dict[str, Any]]]]:
    for name, of in sets.items():
        for protocol, by_rows in of["boards"].items():
            for rows, found in by_rows.items():
                yield name, protocol, rows, found


def _size(of: dict[str, Any], rows: str) -> int:
    return sum(of["ratings"][split.label] for split in ROWS[rows][TEST])


def _signed(difference: Sequence[float] | None) -> str:
    return "" if difference is None else "{:+.4f} ± {:.4f}".format(*difference)


def _cells(line: dict[str, Any], several: bool) -> list[str]:
    def given(name: str, form: str, unit: float = 1) -> str:
        return "" if line[name] is None else format(line[name] / unit, form)

    differences = [_signed(line["less_first"]), *([_signed(line["less_mean"])] if several else [])]
    costs = [given("seconds", ".1f"), given("memory_bytes", ",.0f", 2**20), given("parameters", ",.0f")]
    return [line["model"], f"{line[VALID]:.4f}", f"{line[TEST]:.4f}", *differences, *costs]


def report(figures: dict[str, Any]) -> str:
    """Formats the tables as Markdown, with explanations."""
    parts = ["# Comparison of rating models", _ABOUT, *(f"Left out: {line}." for line in figures["left_out"])]
    for title, headings, lines in tables(figures):
        parts += [f"## {title}", markdown(headings, lines)]
    for name, of in figures["sets"].items():
        counts = ", ".join(f"{count:,} {part}" for part, count in of["ratings"].items())
        silent = f" Peers without predictions: {', '.join(of['silent_peers'])}." if of["silent_peers"] else ""
        low, high = of["range"]
        parts.append(f"{name}: {counts}; ratings from {low:g} to {high:g}.{silent}")
    return "\n\n".join(parts) + "\n"
