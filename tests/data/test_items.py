from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from rrn_tf.data.items import ITEMS_FILE, items_of, keep_items, read_items, titles
from rrn_tf.data.model_folder import EXTRA
from rrn_tf.data.prepared import BadInputError

MOVIES = (
    'movieId,title,genres\n11,"American President, The (1995)",Comedy|Drama\n12,"""Great"" Cats (1998\u20132001)",\n'
)


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


FILES: dict[str, tuple[str | bytes, list[str], list[str | None], list[int | None]]] = {
    "movies.csv": (
        MOVIES,
        ["11", "12"],
        ["American President, The (1995)", '"Great" Cats (1998\u20132001)'],
        [1995, 1998],
    ),
    "movies.dat": (
        "1::Toy Story (1995)::Animation|Comedy\n2::Léon: a::b (1994)::\n".encode("latin-1"),
        ["1", "2"],
        ["Toy Story (1995)", "Léon: a::b (1994)"],
        [1995, 1994],
    ),
    "movie_titles.csv": (
        "1,2003,Dinosaur Planet\n2,NULL,Isle, of Man\n",
        ["1", "2"],
        ["Dinosaur Planet", "Isle, of Man"],
        [2003, None],
    ),
    "u.item": (f"1|Toy Story (1995)|01-Jan-1995||http://a{'|0' * 19}\n", ["1"], ["Toy Story (1995)"], [1995]),
    "mine.csv.gz": (
        gzip.compress(b"Item ID;Name;imdb;Year\na;[red]b[/];0012;1999\n7;;9;\n"),
        ["a", "7"],
        ["[red]b[/]", None],
        [1999, None],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_files_are_read_as_published(name: str, tmp_path: Path) -> None:
    content, ids, found, years = FILES[name]
    frame = read_items(written(tmp_path / name, content))
    assert frame["item_id"].tolist() == ids
    assert frame["title"].tolist() == found
    assert [None if pd.isna(year) else year for year in frame["year"]] == years
    assert titles(frame) == {item: title for item, title in zip(ids, found) if title}


def test_values_are_numbers_where_all_of_them_are(tmp_path: Path) -> None:
    text = "item_id,title,imdb,length,score\n01,a,0012,90,1.5\n2,b,9,,2\n"
    frame = read_items(written(tmp_path / "items.csv", text))
    expected = {
        "item_id": ["01", "2"],
        "title": ["a", "b"],
        "imdb": ["0012", "9"],
        "length": pd.array([90, None], "Int64"),
        "score": [1.5, 2.0],
    }
    pd.testing.assert_frame_equal(frame, pd.DataFrame(expected))


def test_parquet_is_read_as_text_is(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {"title": ["b", None], "movieId": [7, 8], "year": [1999.0, None], "genres": [["x", "y"], ["z"]]}
    )
    rows.to_parquet(tmp_path / "items")
    frame = read_items(tmp_path / "items")
    assert list(frame) == ["item_id", "title", "year", "genres"]
    assert frame["item_id"].tolist() == ["7", "8"]
    assert frame["genres"].tolist() == ["x|y", "z"]
    assert str(frame["year"].dtype) == "Int64"
    assert titles(frame) == {"7": "b"}


def test_rows_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    told: list[str] = []
    file = written(tmp_path / "items.csv", "item_id,title\n1,a\n,b\n1,c\n2,d,e\n3,f\n")
    assert titles(read_items(file, told.append)) == {"1": "a", "3": "f"}
    assert told == [
        f"{file}:3: item_id is missing: expected text, found ''",
        f"{file}:4: item_id '1' stands in an earlier row",
        f"{file}:5: expected 2 fields, found 3",
        f"{file}: 3 of 5 rows could not be used: duplicate 1, field_count 1, item_id_missing 1",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "{}:1: --items: expected a line of names with item_id and title, .*, found an empty file"),
        ("film,title\n1,a\n", "{}:1: --items: expected a line of names with item_id .*, found 'film,title'"),
        ("1\t2\t3\t881250949\n", "{}:1: --items: expected a line of names with item_id .*, found '1"),
        ("item_id\n1\n", "{}: --items: expected title or other attributes beside the item, found none"),
        ("item_id,title\n", "{}: --items: expected items, found none"),
        ("item_id,title,title\n1,a,b\n", "{}:1: --items: expected each column once, found 'title' twice"),
        (None, "{}: --items: expected a file of items, found no such file"),
    ],
)
def test_other_files_are_refused_in_one_line(content: str | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "items.csv"
    if content is not None:
        written(file, content)
    with pytest.raises(BadInputError, match=message.format(file)) as raised:
        read_items(file)
    assert "\n" not in str(raised.value)


def test_items_stay_with_the_model(tmp_path: Path) -> None:
    frame = read_items(written(tmp_path / "movies.csv", MOVIES))
    run, pipeline = tmp_path / "run", tmp_path / "pipeline"
    model, former, latest = run / "model", pipeline / "serving_model" / "9", pipeline / "serving_model" / "10"
    for folder in (model, former, latest):
        folder.mkdir(parents=True)
        (folder / "saved_model.pb").touch()
    assert items_of(run) is None
    keep_items(None, model)
    assert items_of(run) is None
    keep_items(frame, model)
    keep_items(items_of(run), latest)
    for place in (run, model, pipeline, pipeline / "serving_model", latest):
        kept = items_of(place)
        assert kept is not None
        pd.testing.assert_frame_equal(kept, frame)
    assert items_of(former) is items_of(tmp_path) is None
    (model / EXTRA / ITEMS_FILE).write_bytes(b"no Parquet")
    with pytest.raises(BadInputError, match=f"{ITEMS_FILE}: not readable"):
        items_of(run)
