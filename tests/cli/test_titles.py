"""Titles that are kept with a model are shown beside its items, in Python and on the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from rrn_tf import load
from rrn_tf.cli.main import main
from rrn_tf.data.items import keep_items

OF = "The [b]th film"


@pytest.fixture(scope="module")
def titled_run(rating_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of ratings of which all items but one have titles."""
    root = tmp_path_factory.mktemp("titled") / "run"
    shutil.copytree(rating_run, root)
    ids = [str(item) for item in range(1, 25)]
    keep_items(pd.DataFrame({"item_id": ids, "title": [f"{OF} {item}" for item in ids]}), root / "model")
    return root


def rrn(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def titles_of(items: pd.Series) -> list[str | None]:
    return [None if item == "0" else f"{OF} {item}" for item in items]


def test_titles_are_recommended_with_their_items(titled_run: Path, tmp_path: Path) -> None:
    frame = load(titled_run, compiled=False).recommend(["1", "new"], k=25)
    assert list(frame) == ["user_id", "rank", "item_id", "title", "score"]
    assert frame["title"].tolist() == titles_of(frame["item_id"])
    own = frame[frame["user_id"] == "new"]
    assert set(own["item_id"]) > {"0", "1"}

    asked = ("recommend", "--model", titled_run, "-k", 25)
    result = rrn(*asked, "--user", "new", "--json", tmp_path / "r.json")
    assert result.exit_code == 0, result.output
    told = json.loads((tmp_path / "r.json").read_text())["items"]
    assert [item.get("title") for item in told] == titles_of(own["item_id"])
    assert [list(item) for item in told if item["item"] == "0"] == [["item", "score"]]
    lines = [line for line in result.stdout.splitlines() if line.split()[:1] and line.split()[0].isdigit()]
    rows = [line.rsplit(maxsplit=1)[0].split(maxsplit=2)[1:] for line in lines]
    shown = [[item, *([title] if title else [])] for item, title in zip(own["item_id"], titles_of(own["item_id"]))]
    assert rows == shown

    (tmp_path / "users.csv").write_text("user_id\n1\n,\nnew\n")
    for name, read in (("o.csv", pd.read_csv), ("o.parquet", pd.read_parquet)):
        result = rrn(*asked, "--users", tmp_path / "users.csv", "--output", tmp_path / name)
        assert result.exit_code == 0, result.output
        found = read(tmp_path / name)
        assert list(found) == ["user_id", "rank", "item_id", "title", "score", "known"]
        found = found[found["rank"].notna()]
        assert found["title"].where(found["title"].notna(), None).tolist() == titles_of(frame["item_id"])


def test_similar_items_have_titles_too(titled_run: Path) -> None:
    result = rrn("similar", "--model", titled_run, "--items", "2", "-k", 24, "--json", "-")
    assert result.exit_code == 0, result.output
    found = pd.DataFrame(json.loads(result.stdout)["similar"])
    assert list(found) == ["item_id", "title", "rank", "similar_item_id", "similar_title", "similarity"]
    assert found["title"].tolist() == [f"{OF} 2"] * len(found)
    assert found["similar_title"].tolist() == titles_of(found["similar_item_id"])
    assert f"{OF} 3" in result.stderr
