"""The benchmark of training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from rrn_tf.bench.load import Load, load_in_memory, netflix_like
from rrn_tf.bench.work import Counts, Work, count_work
from rrn_tf.cli.main import main
from rrn_tf.config import ModelConfig
from rrn_tf.data.batches import plan_batches
from rrn_tf.features import SIDES

LOAD = ("--ratings", 3_000, "--users", 200, "--items", 100, "--seed", 3)
PARTS = {"input", "lstm", "gather_scatter", "optimizer", "cache_refresh", "other"}
NOTHING = Counts(rows=0, padded=0, ratings=0, inputs=0, touched=0, entities=0)


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["bench", "rrn", *map(str, arguments)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "steps", "batch"),
    [
        ([], ("1d", "1d", 2), 0),
        pytest.param(
            ["--config", "paper-netflix", "--rows-per-batch", 500], ("1d", "7d", 0), 500, marks=pytest.mark.slow
        ),
    ],
    ids=["default", "paper-netflix"],
)
def test_figures_of_a_small_load(
    arguments: list[object], steps: tuple[str, str, int], batch: int, tmp_path: Path
) -> None:
    result = bench(*LOAD, *arguments, "--epochs", 1, "--json", tmp_path / "figures.json")
    assert result.exit_code == 0, result.output
    labels = [line.split(" ")[0] for line in result.output.splitlines()]
    assert [label for label in labels if label] == ["load", "network", "machine", "user", "item", "memory"]
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["seed"], figures["load"]["ratings"], figures["rows_per_batch"]) == (3, 3_000, batch)
    named = ("user_granularity", "item_granularity", "steps_per_doubling")
    assert tuple(figures["load"][name] for name in named) == steps
    assert {"rrn_tf", "tensorflow"} <= figures["versions"].keys()
    assert figures["peak_memory_bytes"] > 2**26
    assert 0 < figures["checkpoint_seconds"] < 60
    assert all(rate > 1e8 for rate in figures["machine"].values())
    sequences = load_in_memory(Load(netflix_like(3_000, 200, 100, seed=3), *steps))
    for side in SIDES:
        phase = figures[f"{side.value}_phase"]
        assert phase["ratings"] == 3_000
        assert phase["rows"] == sequences.side(side).num_rows
        assert phase["batches"] == len(plan_batches(sequences.side(side), sequences.metadata, batch))
        assert phase["rows_per_batch"] == (batch or 128)
        assert f"a budget of {batch or 128} padded rows" in result.output
        assert 0 < phase["padding_share"] < 1
        assert [phase["seconds"]] == phase["epoch_seconds"]
        assert phase["compile_seconds"] >= 0
        for unit, number in (("ratings", 3_000), ("rows", phase["rows"]), ("flops", phase["work"]["flops"])):
            assert phase[f"{unit}_per_second"] == pytest.approx(number / phase["seconds"])
        assert 0 < phase["limit_ratio"] < 1
        assert phase["limit_ratio"] == pytest.approx(sum(phase["limit"].values()) / phase["seconds"])
        assert phase["part_seconds"].keys() == phase["shares"].keys() == PARTS
        assert all(seconds > 0 for part, seconds in phase["part_seconds"].items() if part != "other")
        assert all(0 <= share <= 1 for share in phase["shares"].values())
        assert sum(phase["shares"].values()) == pytest.approx(1)
        assert sum(phase["part_seconds"].values()) >= phase["seconds"] * 0.999


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["rrn-plus", "paper-netflix"])
def test_whole_training(preset: str, tmp_path: Path) -> None:
    small = ("--config", preset, "--set", "training.epochs=1", "--train", "--epochs", 1)
    result = bench(*LOAD, *small, "--json", tmp_path / "figures.json")
    assert result.exit_code == 0, result.output
    labels = [line.split(" ")[0] for line in result.output.splitlines()]
    assert [label for label in labels if label][:3] == ["load", "train", "load"]
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert {"user_phase", "item_phase", "versions"} <= figures.keys()
    assert (figures["seed"], figures["epochs"]) == (3, 1)
    assert figures["best_epoch"] in (0, 1)
    assert figures["train_ratings"]["train"] == 2_400
    assert sum(figures["train_ratings"].values()) == 3_000
    assert figures["all_epochs_seconds"] == figures["train_seconds"]
    stages = figures["stages"]
    assert sum(stages.values()) == pytest.approx(figures["train_seconds"])
    assert (stages.pop("factors") > 0) == (preset == "rrn-plus")
    assert all(seconds > 0 for seconds in stages.values())
    assert figures["epoch_stages"] == {name: stages[name] for name in ("user_phase", "item_phase", "validation")}
    assert figures["metrics"]["test"].keys() == {"frozen", "streaming"}
    assert figures["peak_memory_bytes"] > 2**26


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--set", "model.units=none"], 2, "model.units: "),
        (["--config", "nothing"], 2, "nothing: no such configuration file or preset"),
        (["--epochs", 0], 2, "0 is not in the range"),
        (["--set", "training.replicas=2"], 1, "training.replicas should be 0 or 1, received 2"),
    ],
)
def test_bad_settings_end_in_one_line(arguments: list[object], code: int, said: str) -> None:
    result = bench(*LOAD, *arguments)
    assert result.exit_code == code
    assert said in result.output.splitlines()[-1]


def test_what_batches_hold_is_counted() -> None:
    sequences = load_in_memory(Load(netflix_like(2_000, 100, 50, seed=0)))
    for side in SIDES:
        own = sequences.side(side)
        plan = plan_batches(own, sequences.metadata, 300)
        counts = Counts.of(plan)
        last_rows = own.row_splits[np.flatnonzero(np.diff(own.row_splits)) + 1] - 1
        assert counts.rows == own.num_rows
        assert counts.entities == len(last_rows)
        assert counts.ratings == 2_000
        assert counts.inputs == 2_000 - np.diff(own.rating_splits)[last_rows].sum()
        assert counts.touched == sum(len(np.unique(batch.distinct)) for batch in plan.shares())
        assert counts.padding == pytest.approx(1 - counts.rows / counts.padded)


@pytest.mark.parametrize(("cell", "gates", "parts"), [("rnn", 1, 1), ("gru", 3, 1), ("lstm", 4, 2)])
def test_work_by_hand(cell: str, gates: int, parts: int) -> None:
    counts = Counts(rows=3, padded=4, ratings=5, inputs=2, touched=2, entities=1)
    sizes = ModelConfig(cell=cell, embedding=2, units=3, dynamic=1, stationary=4)
    # A gate of a row: 3 units of 2 + 3 multiply-adds, so 30 operations, four times for three rows.
    # Context 36, three times; embeddings 8, three times; projections 18, four times; emissions 50, twice.
    flops = 360 * gates + 108 + 24 + 72 + 100
    # 23 numbers a rating, 6 a rating that enters, 13 a row and 6 a part of its state, 24 for both embeddings.
    numbers = 5 * 23 + 2 * 6 + 3 * (13 + 6 * parts) + 24 + 8 + 3 * parts
    # The other side does not matter.
    assert count_work(counts, sizes, counts) == count_work(counts, sizes, NOTHING) == Work(flops, 4 * numbers)


@pytest.mark.parametrize("ensemble", [1, 2])
def test_work_of_members_is_that_of_each(ensemble: int) -> None:
    counts = Counts(rows=3, padded=4, ratings=5, inputs=2, touched=2, entities=1)
    one, all_of_them = (ModelConfig(stationary=0, ensemble=number) for number in (1, ensemble))
    assert count_work(counts, all_of_them, counts).flops == ensemble * count_work(counts, one, counts).flops


def test_work_of_innovations_by_hand() -> None:
    counts = Counts(rows=3, padded=4, ratings=5, inputs=2, touched=2, entities=1)
    opposite = Counts(rows=2, padded=3, ratings=5, inputs=1, touched=9, entities=1)
    sizes = ModelConfig(
        inputs="innovations",
        include_opposite_state=True,
        ensemble=2,
        time_feature="delta",
        embedding=2,
        units=3,
        dynamic=1,
        stationary=4,
    )
    # Of both ensemble, a row: 240 operations of the LSTM, 16 of the context, 12 of the projection; where innovations
    # enter it, 40 for 5 features each. An innovation: 12 of its prediction, 6 of the sums.
    flops = 3 * (4 * 240 + 3 * 16 + 4 * 12) + 2 * 3 * 40 + 2 * 2 * 18 + 2 * 5 * 12
    flops += 2 * (240 + 16 + 12) + 1 * 40 + 1 * 18
    # Both ensemble' embedding, state and projected state: 4, 12 and 2 numbers.
    numbers = 5 * (3 * 6 + 5) + 3 * (2 * (4 + 12 + 2) + 6 + 2) + 2 * 2 * 10 + (8 + 12)
    # The refresh: 13 numbers an innovation, 24 of the state a row of either side, 5 more a row of the other one.
    numbers += (2 + 1) * 13 + (3 + 2) * 24 + 2 * 5 + 12
    assert count_work(counts, sizes, opposite) == Work(flops, 4 * numbers)


def test_work_of_the_papers_network() -> None:
    one_row = Counts(rows=1, padded=1, ratings=0, inputs=0, touched=0, entities=0)
    # 25,600 operations of the LSTM, 1,600 of the projection, 240 of the context.
    assert count_work(one_row, ModelConfig(), NOTHING).flops == 4 * (25_600 + 1_600) + 3 * 240
