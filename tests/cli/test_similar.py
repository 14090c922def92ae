"""Items alike, and vectors of users and items, as files and on the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from rrn_tf import load
from rrn_tf.cli.main import main

LATER = "2026-01-01"


def rrn(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.slow
def test_similar_items_of_some_and_of_all(rating_run: Path, tmp_path: Path) -> None:
    model = load(rating_run)
    result = rrn("similar", "--model", rating_run, "--items", "2,no item", "--at", LATER, "-k", 3, "--json", "-")
    assert result.exit_code == 0, result.output
    expected = model.similar(2, at=LATER, k=3)
    pd.testing.assert_frame_equal(pd.DataFrame(json.loads(result.stdout)["similar"]), expected, check_dtype=False)
    assert "--items: 2 items, 1 of them unknown to the model" in result.stderr
    for name, read in (("s.csv", pd.read_csv), ("s.parquet", pd.read_parquet)):
        result = rrn("similar", "--model", rating_run, "--output", tmp_path / name, "-k", 2)
        assert result.exit_code == 0, result.output
        found = read(tmp_path / name).astype({"item_id": str, "similar_item_id": str})
        pd.testing.assert_frame_equal(found, model.similar(k=2), check_dtype=False, rtol=1e-5)


@pytest.mark.slow
def test_similar_items_of_events(event_run: Path) -> None:
    result = rrn("similar", "--model", event_run, "--items", "1", "-k", 2)
    assert result.exit_code == 0, result.output
    assert all(item in result.stdout for item in load(event_run).similar(1, k=2).similar_item_id)
    for arguments, said in (
        (["--items", "no item"], "items: expected items that the model knows, found 'no item'"),
        (["--items", "1", "--at", LATER], "at: expected None, since states of events do not move with time"),
    ):
        result = rrn("similar", "--model", event_run, *arguments)
        assert result.exit_code == 1
        assert said in result.output.splitlines()[-1]
    assert rrn("similar", "--model", event_run).exit_code == 2


@pytest.mark.slow
@pytest.mark.parametrize(("run", "at"), [("rating_run", ["--at", LATER]), ("event_run", [])])
@pytest.mark.parametrize("side", ["users", "items"])
def test_vectors_are_those_of_python(
    run: str, at: list[str], side: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    path = request.getfixturevalue(run)
    model = load(path)
    known = model.user_ids if side == "users" else model.item_ids
    expected = model.states(**{side: known}, at=LATER if at else None)
    for name in ("v.parquet", "v.npy"):
        result = rrn("export-states", "--model", path, "--side", side, "--output", tmp_path / name, *at, "--json", "-")
        assert result.exit_code == 0, result.output
        told = json.loads(result.stdout)
        assert (told["rows"], told["states"] + told["factors"]) == expected.shape
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "v.parquet").set_index(expected.index.name), expected)
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), expected.to_numpy())
    assert (tmp_path / "v.ids.txt").read_text().splitlines() == list(known)
    result = rrn("export-states", "--model", path, "--side", side, "--output", tmp_path / "v.csv")
    assert result.exit_code == 1
    assert "v.csv: expected the name of a file in .parquet or .npy, found .csv" in result.output
