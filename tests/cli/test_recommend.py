"""Recommendations of the command line, for both kinds of models, are those of Python."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from rrn_tf import load
from rrn_tf.cli.main import main
from tests.recommended import early_and_late, event_frame, rating_frame


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
