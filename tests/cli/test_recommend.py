"""Recommendations of the command line, for both kinds of models, are those of Python."""

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
from tests.recommended import early_and_late, event_frame, rating_frame

pytestmark = pytest.mark.usefixtures("models_load_once")

OF = "The [b]th film"  # titles in tests


def rrn(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.slow
@pytest.mark.parametrize(("run", "value"), [("rating_run", "score"), ("event_run", "probability")])
def test_both_kinds_take_the_same_options(
    run: str, value: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = request.getfixturevalue(run)
    monkeypatch.chdir(tmp_path)
    frame = rating_frame() if run == "rating_run" else event_frame()
    history = early_and_late(frame)[1][:4].assign(user_id="new")
    history.to_csv("history.csv", index=False)
    model = load(path)
    items = list(model.item_ids)
    Path("users.csv").write_text("user_id\n1\n\nnew\n,\nnobody\n")
    pd.DataFrame({"item_id": items[:2]}).to_parquet("out.parquet")
    Path("among.txt").write_text("\n".join([*items[1:7], "no item"]))
    options = ("--exclude", "out.parquet", "--candidates", "among.txt", "--history", "history.csv", "-k", 3)
    for output in ("found.csv", "found.parquet"):
        result = rrn("recommend", "--model", path, "--users", "users.csv", "--output", output, *options)
        assert result.exit_code == 0, result.output
        told = result.stderr.splitlines()
        assert told[:2] == [
            "--exclude: 2 items, 0 of them unknown to the model",
            "--candidates: 7 items, 1 of them unknown to the model",
        ]
    expected = model.recommend(["1", "new", "nobody"], k=3, exclude=items[:2], candidates=items[1:7], history=history)
    of_csv = pd.read_csv("found.csv", dtype={"user_id": str, "item_id": str, "known": str}, keep_default_na=False)
    of_parquet = pd.read_parquet("found.parquet")
    assert of_parquet.columns.tolist() == of_csv.columns.tolist() == ["user_id", "rank", "item_id", value, "known"]
    assert of_csv[of_csv.item_id == ""].known.tolist() == [""]
    whole = of_parquet[of_parquet.item_id.notna()].reset_index(drop=True)
    assert whole.known.tolist() == [user == "1" for user in whole.user_id]
    plain = whole.rename(columns={value: "score"}).drop(columns="known")
    pd.testing.assert_frame_equal(plain.astype({"rank": int}), expected, rtol=1e-5)

    result = rrn("recommend", "--model", path, "--user", "new", "--user", "nobody", *options, "--json", "-")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)["users"]
    found = [(answer["user"], item["item"]) for answer in told for item in answer["items"]]
    others = expected[expected.user_id != "1"]
    assert found == list(zip(others.user_id, others.item_id, strict=True))
    assert "user 'nobody' has no" in result.stderr
    assert "user 'new' has no" not in result.stderr


def test_what_is_a_file_and_an_item_is_asked_back(
    rating_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("1").write_text("2\n")
    result = rrn("recommend", "--model", rating_run, "--user", "3", "--exclude", "1")
    assert result.exit_code == 1
    assert (
        result.output.splitlines()[-1] == "Error: --exclude 1: expected a file or an item, found both: ./1 is the file"
    )
    result = rrn("recommend", "--model", rating_run, "--user", "3", "--candidates", "./1", "-k", 5, "--json", "-")
    assert [item["item"] for item in json.loads(result.stdout)["items"]] in ([], ["2"])


def test_options_of_formats_reach_every_file(rating_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    history = early_and_late(rating_frame())[1][:4].assign(user_id="new")
    names = {"user_id": "customer", "item_id": "sku", "rating": "stars", "timestamp": "bought"}
    own = history.assign(timestamp=history.timestamp * 1000).rename(columns=names)
    own.to_csv("own.csv", index=False, sep=";")
    own[["sku", "stars"]].to_csv("sold.csv", index=False, sep=";")
    Path("users.csv").write_text("user_id\nnew\n")
    said = {"columns": names, "separator": ";", "time": "ms"}
    options = [f"--columns={','.join(f'{of}={name}' for of, name in names.items())}", "--separator=;", "--time=ms"]
    files = ("--history", "own.csv", "--users", "users.csv", "--exclude", "sold.csv")
    result = rrn("recommend", "--model", rating_run, *files, "--output", "found.csv", "-k", 3, *options)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == (
        "columns: customer as user_id, sku as item_id, stars as rating, bought as timestamp; between ';'"
    )
    assert "sold.csv: columns: sku as item_id" in result.stderr
    model = load(rating_run)
    asked = {"k": 3, "exclude": history.item_id}
    expected = model.recommend(["new"], history=history, **asked)
    found = pd.read_csv("found.csv", dtype={"user_id": str, "item_id": str})
    assert found.item_id.tolist() == expected.item_id.tolist()
    of_file = model.recommend(["new"], history="own.csv", data_format=said, **asked)
    pd.testing.assert_frame_equal(of_file, expected)
    with pytest.raises(ValueError, match=r"^data_format: expected a file to read by it, found a DataFrame$"):
        model.recommend(["new"], history=history, data_format=said)
    with pytest.raises(ValueError, match=r"^data_format: time should be one of s, .*, found 'minutes'$"):
        model.recommend(["new"], history="own.csv", data_format={"time": "minutes"})


def test_an_archive_is_no_table(rating_run: Path, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("user_id\n1\n")
    result = rrn("recommend", "--model", rating_run, "--users", tmp_path / "users.csv", "--output", tmp_path / "o.zip")
    assert result.exit_code == 1
    assert "o.zip: expected the name of a CSV or Parquet file, found one of an archive" in result.output
    assert [file.name for file in tmp_path.iterdir()] == ["users.csv"]


@pytest.fixture(scope="module")
def titled_run(rating_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of ratings of which all items but one have titles."""
    root = tmp_path_factory.mktemp("titled") / "run"
    shutil.copytree(rating_run, root)
    ids = [str(item) for item in range(1, 25)]
    keep_items(pd.DataFrame({"item_id": ids, "title": [f"{OF} {item}" for item in ids]}), root / "model")
    return root


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
    assert f"{OF} 2" in result.stderr
