"""Each published layout, from a small made-up file in it: what is recognised, and what is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rrn_tf.data.layouts import LAYOUTS
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.first_look import look_at
from rrn_tf.data.reading.in_memory import read_files
from rrn_tf.features import COLUMNS, EVENT_COLUMNS, ITEM_ID, RATING, TIMESTAMP, USER_ID

DAY = 1_125_964_800  # 2005-09-06
SECOND = 1_333_476_009  # 2012-04-03 18:00:09


class Published(NamedTuple):
    """A file, the line that is told about it, and its rows: user, item, time and, unless it has events, rating."""

    text: str
    told: str
    rows: list[tuple[Any, ...]]


def json_lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


FILES = {
    "movielens": Published(
        "userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n1,1029,3.0,1260759179\n",
        "MovieLens layout: userId, movieId, rating, timestamp",
        [("1", "31", 1260759144, 2.5), ("1", "1029", 1260759179, 3)],
    ),
    "movielens-100k": Published(
        "196\t242\t3\t881250949\n186\t302\t3\t891717742\n22\t377\t1\t878887116\n",
        "MovieLens 100k layout: user, item, rating, timestamp, between tabs, without a header",
        [("196", "242", 881250949, 3), ("186", "302", 891717742, 3), ("22", "377", 878887116, 1)],
    ),
    "movielens-1m": Published(
        "1::1193::5::978300760\n1::661::3.5::978302109\n",
        "MovieLens 1M or 10M layout: user, item, rating, timestamp, between '::', without a header",
        [("1", "1193", 978300760, 5), ("1", "661", 978302109, 3.5)],
    ),
    "movietweetings": Published(
        "1::0114508::8::1381006850\n2::0499549::9::1376753198\n2::10872600::9::1376753199\n",
        "MovieLens 1M or 10M or MovieTweetings layout: user, item, rating, timestamp, between '::', without a header",
        [("1", "0114508", 1381006850, 8), ("2", "0499549", 1376753198, 9), ("2", "10872600", 1376753199, 9)],
    ),
    "netflix": Published(
        "1:\n1488844,3,2005-09-06\n822109,5,2005-09-07\n2:\n885013,4,2005-09-06\n",
        "Netflix Prize layout: user, rating, timestamp, item below a line for each item",
        [("1488844", "1", DAY, 3), ("822109", "1", DAY + 86_400, 5), ("885013", "2", DAY, 4)],
    ),
    "netflix-qualifying": Published(
        "1:\n1046323,2005-09-06\n1080030,2005-09-07\n",
        "Netflix Prize (qualifying) layout: user, timestamp, item below a line for each item",
        [("1046323", "1", DAY), ("1080030", "1", DAY + 86_400)],
    ),
    "hetrec-movielens": Published(
        "userID\tmovieID\trating\ttimestamp\n75\t3\t1\t1162160236000\n75\t32\t4.5\t1162160624000\n",
        "HetRec MovieLens layout: userID, movieID, rating, timestamp",
        [("75", "3", 1162160236, 1), ("75", "32", 1162160624, 4.5)],
    ),
    "ciaodvd": Published(
        "1,1,1,1,3,2005-09-06\n2,1,1,2,5,2005-09-07\n",
        "CiaoDVD layout: user, item, rating, timestamp, between commas, without a header",
        [("1", "1", DAY, 3), ("2", "1", DAY + 86_400, 5)],
    ),
    "amazon": Published(
        json_lines(
            {
                "reviewerID": "A2SUAM1J3GNN3B",
                "asin": "0000013714",
                "helpful": [2, 3],
                "reviewText": 'I "bought" this, {for} my\nhusband',
                "overall": 5.0,
                "unixReviewTime": 1252800000,
            },
            {"overall": 2, "style": {"Size:": " 7"}, "reviewerID": "A3", "asin": "B1", "unixReviewTime": 1252800001},
        ),
        "Amazon reviews (2014 and 2018) layout: reviewerID, asin, overall, unixReviewTime",
        [("A2SUAM1J3GNN3B", "0000013714", 1252800000, 5), ("A3", "B1", 1252800001, 2)],
    ),
    "amazon-2014": Published(
        "A39HTATAQ9V7YF,0205616461,5.0,1369699200\nA3JM6GV9MNOF9X,0558925278,3.0,1355443200\n",
        "Amazon ratings of 2014 layout: user, item, rating, timestamp, between commas, without a header",
        [("A39HTATAQ9V7YF", "0205616461", 1369699200, 5), ("A3JM6GV9MNOF9X", "0558925278", 1355443200, 3)],
    ),
    "amazon-2018": Published(
        "0449819906,A1YZ0AIZ1OPZ1Z,5.0,1406505600\nB00A8MYN94,A3E0V5J37BVLJ9,1.0,1405900800\n",
        "Amazon ratings of 2018 layout: item, user, rating, timestamp, between commas, without a header",
        [("A1YZ0AIZ1OPZ1Z", "0449819906", 1406505600, 5), ("A3E0V5J37BVLJ9", "B00A8MYN94", 1405900800, 1)],
    ),
    "amazon-2023": Published(
        json_lines(
            {
                "rating": 4.0,
                "title": "ok",
                "images": [],
                "asin": "B088SZDGXG",
                "parent_asin": "B08BBQ29N5",
                "user_id": "AEYORY2AVPMCPDV57CE337YU5LXA",
                "timestamp": 1634275259292,
                "verified_purchase": True,
            }
        ),
        "Amazon reviews of 2023 layout: user_id, parent_asin, rating, timestamp",
        [("AEYORY2AVPMCPDV57CE337YU5LXA", "B08BBQ29N5", 1634275259, 4)],
    ),
    "amazon-fine-foods": Published(
        "Id,ProductId,UserId,ProfileName,HelpfulnessNumerator,HelpfulnessDenominator,Score,Time,Summary,Text\n"
        '1,B001E4KFG0,A3SGXH7AUHU8GW,delmartian,1,1,5,1303862400,Good,"Several\nof the, ""Vitality"" ones"\n'
        "2,B00813GRG4,A1D87F6ZCVE5NK,dll pa,0,0,1,1346976000,Not,Product\n",
        "Amazon Fine Foods layout: UserId, ProductId, Score, Time",
        [("A3SGXH7AUHU8GW", "B001E4KFG0", 1303862400, 5), ("A1D87F6ZCVE5NK", "B00813GRG4", 1346976000, 1)],
    ),
    "yelp": Published(
        json_lines(
            {
                "review_id": "KU_O5udG6zpxOg",
                "user_id": "mh_-eMZ6K5RLWhZ",
                "business_id": "XQfwVwDr-v0ZS3",
                "stars": 3.0,
                "text": "If you decide to eat here",
                "date": "2012-04-03 18:00:09",
            }
        ),
        "Yelp layout: user_id, business_id, stars, date",
        [("mh_-eMZ6K5RLWhZ", "XQfwVwDr-v0ZS3", SECOND, 3)],
    ),
    "goodreads": Published(
        json_lines(
            {
                "user_id": "8842281e1d1347389f2ab93d60773d4d",
                "book_id": "24375664",
                "rating": 5,
                "review_text": "Mind blowingly cool.",
                "date_added": "Tue Apr 03 11:00:09 -0700 2012",
                "read_at": "",
            }
        ),
        "Goodreads layout: user_id, book_id, rating, date_added",
        [("8842281e1d1347389f2ab93d60773d4d", "24375664", SECOND, 5)],
    ),
    "ciao": Published(
        "  1  17  2  4  3  1303880400\n  12  3  1  5  0  978307200\n",
        "Ciao layout: user, item, rating, timestamp, between spaces, without a header",
        [("1", "17", 1303880400, 4), ("12", "3", 978307200, 5)],
    ),
    "epinions-extended": Published(
        "139431556\t591156\t5\t0\t2005/09/06\t2005/09/07\t1\t25\n139431560\t591156\t5\t0\t2005/09/07\t\t1\t25\n",
        "Extended Epinions layout: item, user, rating, timestamp, between tabs, without a header",
        [("591156", "139431556", DAY, 5), ("591156", "139431560", DAY + 86_400, 5)],
    ),
    "recbole": Published(
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n196\t242\t3\t881250949\n186\t302\t3\t891717742.0\n",
        "RecBole layout: user_id:token, item_id:token, rating:float, timestamp:float",
        [("196", "242", 881250949, 3), ("186", "302", 891717742, 3)],
    ),
    "brightkite": Published(
        "0\t2012-04-03T18:00:09Z\t39.747652\t-104.99251\t88c46bf20db295831bd2d1718ad7e6f5\n"
        "1\t2012-04-03T18:00:10Z\t39.891383\t-105.070814\t7a0f88982aa015062b95e3b4843f9ca2\n",
        "Brightkite check-ins (SNAP) layout: user, timestamp, item, between tabs, without a header",
        [
            ("0", "88c46bf20db295831bd2d1718ad7e6f5", SECOND),
            ("1", "7a0f88982aa015062b95e3b4843f9ca2", SECOND + 1),
        ],
    ),
    "gowalla": Published(
        "0\t2012-04-03T18:00:09Z\t30.2359091167\t-97.7951395833\t22847\n",
        "Gowalla check-ins (SNAP) layout: user, timestamp, item, between tabs, without a header",
        [("0", "22847", SECOND)],
    ),
    "foursquare": Published(
        "470\t49bbd6c0f964a520f4531fe3\t4bf5\tCaf\xe9\t40.7\t-74.0\t-240\tTue Apr 03 18:00:09 +0000 2012\n"
        "979\t4a43c0aef964a520c6a61fe3\t4bf5\tBridge\t40.6\t-74.0\t-240\tTue Apr 03 18:00:10 +0000 2012\n",
        "Foursquare check-ins (New York and Tokyo) layout: user, item, timestamp, between tabs, without a header",
        [("470", "49bbd6c0f964a520f4531fe3", SECOND), ("979", "4a43c0aef964a520c6a61fe3", SECOND + 1)],
    ),
    "foursquare-global": Published(
        "50756\t4f5e3a72e4b053fd6a4313f6\tTue Apr 03 18:00:09 +0000 2012\t240\n",
        "Foursquare check-ins (global) layout: user, item, timestamp, between tabs, without a header",
        [("50756", "4f5e3a72e4b053fd6a4313f6", SECOND)],
    ),
    "foursquare-csv": Published(
        "userId,venueId,venueCategoryId,venueCategory,latitude,longitude,timezoneOffset,utcTimestamp\n"
        "470,49bbd6c0f964a520f4531fe3,4bf5,Arts & Crafts,40.7,-74.0,-240,Tue Apr 03 18:00:09 +0000 2012\n",
        "Foursquare check-ins layout: userId, venueId, utcTimestamp",
        [("470", "49bbd6c0f964a520f4531fe3", SECOND)],
    ),
    "lastfm-1k": Published(
        "user_000001\t2012-04-03T18:00:09Z\tf1b1cf71-bd35\tDeep Dish\t\tFuck Me\n"
        "user_000001\t2012-04-03T18:00:08Z\t\tNobody\t\tSong\n",
        "LastFM-1K plays layout: user, timestamp, item, between tabs, without a header",
        [("user_000001", "f1b1cf71-bd35", SECOND), ("user_000001", "Nobody", SECOND - 1)],
    ),
    "hetrec-lastfm-tags": Published(
        "userID\tartistID\ttagID\ttimestamp\n2\t52\t13\t1238536800000\n",
        "HetRec LastFM tags layout: userID, artistID, timestamp",
        [("2", "52", 1238536800)],
    ),
    "hetrec-delicious": Published(
        "userID\tbookmarkID\ttagID\ttimestamp\n8\t1\t1\t1289255362000\n",
        "HetRec Delicious layout: userID, bookmarkID, timestamp",
        [("8", "1", 1289255362)],
    ),
}

NO_TIMES = "it has no times, and RRN needs to know when each rating was given"
REFUSED = {
    "netflix-probe": ("1:\n30878\n2647871\n", "it has neither ratings nor times"),
    "hetrec-movielens-parts": (
        "userID\tmovieID\trating\tdate_day\tdate_month\tdate_year\n75\t3\t1\t29\t10\t2006\n",
        "its times are spread over six columns: use user_ratedmovies-timestamps.dat",
    ),
    "goodreads-interactions": ("user_id,book_id,is_read,rating,is_reviewed\n0,948,1,5,0\n", NO_TIMES),
    "epinions-slices": ("  1  17  2  4  3  11\n  1  18  2  4  3  1\n", "its times are numbers of slices"),
    "epinions": ("1 100 4\n1 101 5\n", NO_TIMES),
    "epinions-reviews": (
        "item user paid time stars words\nSome_Printer etlong 0.0 1000332000 3.0 I bought this, and\n",
        "its reviews go on over several lines",
    ),
    "book-crossing": (
        '"User-ID";"ISBN";"Book-Rating"\n"276725";"034545104X";"0"\n"276726";"0155061224";"5"\n',
        f"{NO_TIMES}; its ratings of 0 mean that a book was read",
    ),
    "jester": ("74" + ",-7.82,8.79,99" * 33 + ",99\n", NO_TIMES),
    "jester-list": ("1\t\t5\t\t0.219\n1\t\t7\t\t-9.281\n", NO_TIMES),
    "lastfm-360k": ("0" * 40 + "\t3bd73256\tbetty blowtorch\t2137\n", "it has counts of plays and no times"),
    "hetrec-lastfm": ("userID\tartistID\tweight\n2\t51\t13883\n", "it has counts of plays and no times"),
}
# They look like others, so that they must be named.
NAMED = {"lastfm-1k-ids", "authors"}


def read(path: Path, columns: tuple[str, ...], prefix: str = "") -> list[tuple[Any, ...]]:
    rows, _ = read_files(f"{prefix}{path}", columns)
    assert rows.rejected.num_rows == 0
    found = [rows.ids(USER_ID), rows.ids(ITEM_ID), rows.numbers(TIMESTAMP)]
    return list(zip(*found, *([rows.numbers(RATING).tolist()] if RATING in columns else []), strict=True))


def test_every_layout_is_tested() -> None:
    assert {*FILES, *REFUSED, *NAMED} == set(LAYOUTS)


def test_the_documentation_names_every_layout() -> None:
    page = Path(__file__).parents[3].joinpath("docs", "files.md").read_text()
    assert [name for name in LAYOUTS if f"`{name}`" not in page] == []


@pytest.mark.parametrize("name", FILES)
def test_a_published_file_is_recognised_and_read(name: str, tmp_path: Path) -> None:
    file, path = FILES[name], tmp_path / "file"
    path.write_bytes(file.text.encode(LAYOUTS[name].encoding))
    columns = COLUMNS if len(file.rows[0]) == len(COLUMNS) else EVENT_COLUMNS
    assert look_at(str(path), columns) == [file.told]
    assert read(path, columns) == file.rows
    assert read(path, columns, f"{name}:") == file.rows
    assert read(path, EVENT_COLUMNS) == [row[:3] for row in file.rows]


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    text, reason = REFUSED[name]
    path = tmp_path / "file"
    path.write_text(text)
    for columns in (COLUMNS, EVENT_COLUMNS):
        if name == "epinions" and columns == EVENT_COLUMNS:
            continue  # three numbers can be an event, too
        with pytest.raises(BadInputError, match=r"a .+ file cannot be used: ") as caught:
            look_at(str(path), columns)
        assert reason in str(caught.value)
    with pytest.raises(BadInputError, match=r"cannot be used: "):
        look_at(f"{name}:{path}", COLUMNS)


def test_two_readings_are_a_question(tmp_path: Path) -> None:
    path = tmp_path / "e.txt"
    path.write_text("1 20 3\n1 21 4\n")
    with pytest.raises(BadInputError, match=r"two readings are possible, .*--format authors.*--format epinions"):
        look_at(str(path), EVENT_COLUMNS)
    assert read(path, EVENT_COLUMNS, "authors:") == [("1", "20", 3), ("1", "21", 4)]


def test_ratings_of_ten_are_no_movielens(tmp_path: Path) -> None:
    path = tmp_path / "ratings.dat"
    path.write_text("1::0114508::10::1381006850\n2::0499549::10::1376753198\n")
    assert look_at(str(path), COLUMNS)[0].startswith("MovieTweetings layout: ")


def test_dictionaries_of_python_are_told(tmp_path: Path) -> None:
    path = tmp_path / "epinions.json"
    path.write_text("{'item': 'Some_Printer', 'user': 'etlong', 'stars': 3.0, 'time': 1000332000}\n")
    with pytest.raises(BadInputError, match=r"a dictionary of Python's, which json.dumps writes as JSON$"):
        look_at(str(path), COLUMNS)


def test_netflix_files_without_ratings_say_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "qualifying.txt"
    path.write_text(FILES["netflix-qualifying"].text)
    with pytest.raises(BadInputError, match=r"found user_id,timestamp,item_id \(Netflix Prize \(qualifying\) layout\)"):
        look_at(str(path), COLUMNS)


def test_events_are_no_ratings(tmp_path: Path) -> None:
    path = tmp_path / "g.txt"
    path.write_text(FILES["gowalla"].text)
    with pytest.raises(BadInputError, match=r"found user_id,timestamp,item_id \(Gowalla"):
        look_at(str(path), COLUMNS)


def test_large_netflix_files_are_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rrn_tf.data.reading import in_memory

    monkeypatch.setitem(in_memory.plan_blocks.__kwdefaults__, "block_bytes", 30)
    expected = [(f"{user}", f"{item}", DAY, 1 + user % 5) for item in range(1, 9) for user in range(item)]
    path = tmp_path / "combined_data_1.txt"
    rows = {
        item: [f"{user},{rating:.0f},2005-09-06" for user, of, _, rating in expected if of == f"{item}"]
        for item in range(1, 9)
    }
    path.write_bytes("\r\n".join(line for item, lines in rows.items() for line in (f"{item}:", *lines)).encode())
    assert read(path, COLUMNS) == expected
