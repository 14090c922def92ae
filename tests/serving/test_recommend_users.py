"""Many users at once are answered as each alone, and rows that cannot be used are told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from rrn_tf.cli.main import main
from rrn_tf.data.prepared import BadInputError
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.user_file import read_users, recommend_file
from tests.serving.conftest import Saved, SavedEvents


def rrn(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["recommend", *map(str, arguments)])


def write(folder: Path, text: str) -> Path:
    file = folder / "users.csv"
    file.write_text(text, encoding="utf-8")
    return file


NO_TIME = "neither a number of seconds nor a time such as 2010-10-17T01:48:53Z"


def test_rows_that_cannot_be_used_are_told_and_the_others_are_read(tmp_path: Path) -> None:
    rows = ["\ufeffshop,user_id,timestamp", "a,u1,7", "", "a,u2,", "b,smith, john,7", "b,,7", "c,u3,soon", "c,u4, 9 "]
    table = read_users(file := write(tmp_path, "\n".join(rows) + "\n"))
    assert table.user_id[table.usable].tolist() == ["u1", "u2", "u4"]
    assert table.timestamp[table.usable].tolist() == [7, 0, 9]
    assert table.timed[table.usable].tolist() == [True, False, True]
    assert table.messages == [
        f"{file}:5: expected 3 fields, found 4",
        f"{file}:6: user_id is missing: expected text, found ''",
        f"{file}:7: timestamp 'soon' is {NO_TIME} (--time says what else)",
        f"{file}: 3 of 6 rows could not be used: field_count 1, timestamp_not_a_number 1, user_id_missing 1",
    ]
    assert table.user_id[~table.usable].tolist() == ["smith", "", "u3"]


def test_parquet_and_compressed_files_are_read(tmp_path: Path) -> None:
    frame = pd.DataFrame({"user_id": [1, 2], "timestamp": [7, None]})
    frame.to_parquet(tmp_path / "u.parquet")
    frame.to_csv(tmp_path / "u.csv.gz", index=False)
    for name in ("u.parquet", "u.csv.gz"):
        table = read_users(tmp_path / name)
        assert table.user_id.tolist() == ["1", "2"]
        assert table.timed.tolist() == [True, False]
        assert table.timestamp.tolist() == [7, 0]


@pytest.mark.parametrize(
    ("text", "said"), [("shop\n1\n", "expected columns user_id, found 'shop'"), ("", "found an empty file")]
)
def test_a_file_without_users_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=said):
        read_users(write(tmp_path, text))


def test_ratings_of_many_users_are_recommended_as_of_one(
    saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rrn_tf.serving.recommend_users._USERS", 3)
    model = SavedRRN(saved.path)
    later = model.until + 30 * 86_400
    asked = [(f"u{n}" if n else "nobody", later if n % 2 else "") for n in range(7)]
    lines = [f"{user},{time}" for user, time in asked]
    file = write(tmp_path, "\n".join(["user_id,timestamp", *lines[:4], ",", *lines[4:]]) + "\n")
    told: list[tuple[int, int]] = []
    outcome = recommend_file(model, file, tmp_path / "a.csv", 4, "score", None, lambda *of: told.append(of))
    assert told == [(3, 8), (6, 8), (8, 8)]
    assert (outcome.users, outcome.rejected, outcome.unknown_users) == (7, 1, 1)
    assert len(outcome.messages) == 2
    found = pd.read_csv(tmp_path / "a.csv", dtype={"user_id": str, "item_id": str, "known": str}, keep_default_na=False)
    assert found.columns.tolist() == ["user_id", "rank", "item_id", "score", "known", "timestamp"]
    assert found[found.user_id == ""].values.tolist() == [["", "", "", "", "", ""]]
    found = found[found.user_id != ""]
    assert found.user_id.drop_duplicates().tolist() == [user for user, _ in asked]
    for user, time in asked:
        of_user = found[found.user_id == user]
        expected = model.recommend(user, int(time or model.until), 4)
        assert of_user["rank"].astype(int).tolist() == list(range(1, len(expected) + 1))
        assert of_user.item_id.tolist() == [item for item, _ in expected]
        assert of_user.score.astype(float).tolist() == pytest.approx([score for _, score in expected], rel=1e-4)
        assert set(of_user.known) == {"false" if user == "nobody" else "true"}
        assert set(of_user.timestamp.astype(str)) == {str(time)}


def test_next_items_of_many_users_are_those_of_one(saved_events: SavedEvents, tmp_path: Path) -> None:
    users = ["user 2", "nobody", "user 0", "user 1"]
    file = write(tmp_path, "\n".join(["user_id", *users]) + "\n")
    result = rrn("--model", saved_events.path, "--users", file, "--output", tmp_path / "a.csv", "-k", 9)
    assert result.exit_code == 0, result.output
    assert "24 items for 4 users in " in result.output
    assert "; 1 of unknown users" in result.output
    found = pd.read_csv(tmp_path / "a.csv")
    model = SavedCollaborativeRNN(saved_events.path)
    for user in users:
        of_user = found[found.user_id == user]
        expected = model.next_items(user, [], 9)
        assert of_user.item_id.tolist() == [item for item, _ in expected]
        assert of_user.probability.to_numpy() == pytest.approx(np.exp([value for _, value in expected]), rel=1e-4)
        assert of_user.known.tolist() == [user != "nobody"] * 6

    result = rrn("--model", saved_events.path, *[part for user in users for part in ("--user", user)], "-k", 2,
                 "--json", tmp_path / "a.json")  # fmt: skip
    assert result.exit_code == 0, result.output
    told = json.loads((tmp_path / "a.json").read_text())["users"]
    assert [answer["user"] for answer in told] == users
    assert [item["item"] for answer in told for item in answer["items"]] == found[found["rank"] < 3].item_id.tolist()

    times = write(tmp_path, "user_id,timestamp\nuser 1,5\n")
    result = rrn("--model", saved_events.path, "--users", times, "--output", tmp_path / "b.csv")
    assert result.exit_code == 1
    assert "expected no timestamps, found some: this model uses the order of events" in result.output.splitlines()[-1]


@pytest.mark.parametrize("arguments", [[], ["--user", "1", "--users", "u.csv"], ["--users", "u.csv"]])
def test_users_are_named_in_one_way(arguments: list[str]) -> None:
    result = rrn("--model", "x", *arguments)
    assert result.exit_code == 2
    assert "expected --user, or --users together with --output" in result.output.splitlines()[-1]
