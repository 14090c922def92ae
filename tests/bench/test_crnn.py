"""The benchmark of the Collaborative RNN."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rrn_tf.bench.crnn import count_flops
from rrn_tf.cli.main import main
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import config_from_dict

LOAD = ("--users", 12, "--items", 50, "--events", 600, "--epochs", 1)


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["bench", "crnn", *map(str, (*LOAD, *arguments))])


@pytest.mark.slow
@pytest.mark.parametrize("more", [("--set", "model.units=4"), ("--config", "paper-brightkite")])
def test_figures_of_a_small_load(more: tuple[str, ...], tmp_path: Path) -> None:
    result = bench(*more, "--set", "training.seed=3", "--json", tmp_path / "figures.json")
    assert result.exit_code == 0, result.output
    labels = [line.split(" ")[0] for line in result.output.splitlines()]
    assert [label for label in labels if label] == ["load", "network", "epoch", "limit", "memory"]
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["seed"], figures["load"]["events"]) == (3, 600)
    assert 400 < figures["events"] < 600
    assert figures["events_per_second"] == pytest.approx(figures["events"] / figures["epoch_seconds"])
    assert figures["limit_ratio"] == pytest.approx(figures["limit_seconds"] / figures["epoch_seconds"])
    assert 0 < figures["limit_ratio"] < 1
    assert {"peak_memory_bytes", "versions"} <= figures.keys()
    first, second = figures["losses"]
    assert 0 < second < first, "it trains"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--set", "model.units=none"], 2, "model.units: "),
        (["--events", 20], 1, "events should be at least"),
        (["--set", "training.replicas=2"], 1, "training.replicas should be 0 or 1, received 2"),
    ],
)
def test_bad_settings_end_in_one_line(arguments: list[object], code: int, said: str) -> None:
    result = bench(*arguments)
    assert result.exit_code == code
    assert said in result.output.splitlines()[-1]


@pytest.mark.parametrize(("cell", "gates"), [("gru", 3), ("rnn", 1)])
def test_operations_by_hand(cell: str, gates: int) -> None:
    def config(**training: object) -> CollaborativeConfig:
        return config_from_dict({"model": {"cell": cell, "units": 4}, "training": training}, CollaborativeConfig)

    # Of an event 2 x 4 x 7 for the logits and 2 x 16 a gate, three times.
    assert count_flops(10, 7, config()) == 10 * 3 * (56 + 32 * gates)
    assert count_flops(10, 7, config(softmax="sampled", samples=2)) == 10 * 3 * (24 + 32 * gates)


def test_operations_of_a_mixture_by_hand() -> None:
    def count(items: int, **training: Any) -> int:
        sizes = {"mixture": True, "activation": "tanh", "units": 4, "stationary": 1, "window": 6, "attention": 1}
        values = {"model": sizes, "training": {"chunk": 2, **training}}
        return count_flops(10, items, config_from_dict(values, CollaborativeConfig))

    # Of an event six numbers for each logit, inputs and recurrence of three gates, five numbers projected, and of the
    # head that attends two products of width 32, one of 4, and two with each of 8 events; all twice, and three times.
    beside = 2 * 3 * 16 + 5 * 4 + 4 * (2 * 32 + 4 + 2 * 8)
    assert count(7) == 10 * 6 * (6 * 7 + beside)
    # Of sampled items two frequent ones and four drawn ones, or all.
    assert count(100, softmax="sampled", samples=4) == 10 * 6 * (6 * 6 + beside)
    assert count(5, softmax="sampled", samples=4) == 10 * 6 * (6 * 5 + beside)
