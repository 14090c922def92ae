"""Small files in the layouts of the papers' data sets, as published."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

DAY = 86_400


def _rows(begin: str, end: str, users: int, items: int, count: int) -> pd.DataFrame:
    """Rows at times between two dates, in order of time; every user and item has some."""
    draw = np.random.default_rng(0)
    first, last = (pd.Timestamp(date).timestamp() for date in (begin, end))
    times = np.sort(draw.integers(int(first), int(last), count))
    user, item = draw.integers(users, size=count), draw.integers(items, size=count)
    return pd.DataFrame({"user": user + 1, "item": item + 1, "time": times, "rating": draw.integers(1, 6, count)})


def write_netflix(folder: Path, *, users: int = 20, items: int = 12, count: int = 900) -> pd.DataFrame:
    """The Netflix Prize: a file for each film, and titles, of which one is in Latin-1 and one has a comma."""
    rows = _rows("1999-11-15", "2005-12-31", users, items, count)
    rows["time"] = rows["time"] // DAY * DAY
    rows = rows.drop_duplicates(["user", "item", "time"])
    (folder / "training_set").mkdir(parents=True)
    for film, of in rows.groupby("item"):
        lines = [f"{row.user},{row.rating},{pd.Timestamp(row.time, unit='s').date()}" for row in of.itertuples()]
        (folder / "training_set" / f"mv_{film:07d}.txt").write_text("\n".join([f"{film}:", *lines]) + "\n")
    titles = [f"{film},{1990 + film},Film, the {film}th \xe9" for film in range(1, items + 1)]
    (folder / "movie_titles.csv").write_bytes(("\n".join(titles) + "\n").encode("latin-1"))
    return rows


def write_movietweetings(
    folder: Path, *, users: int = 20, items: int = 12, count: int = 400, begin: str = "2013-02-28"
) -> pd.DataFrame:
    """MovieTweetings: ratings and films."""
    rows = _rows(begin, "2014-03-01", users, items, count).drop_duplicates(["user", "item", "time"])
    rows["item"] += 54_000
    folder.mkdir(parents=True)
    lines = [f"{row.user}::{row.item:07d}::{row.rating}::{row.time}" for row in rows.itertuples()]
    (folder / "ratings.dat").write_text("\n".join(lines) + "\n")
    films = [f"{item:07d}::Film {item} (2013)::Drama|Comedy" for item in sorted(set(rows["item"]))]
    (folder / "movies.dat").write_text("\n".join(films) + "\n")
    return rows


def write_brightkite(folder: Path, *, users: int = 8, items: int = 30, count: int = 1_200) -> pd.DataFrame:
    """Brightkite: check-ins, a user's newest first, in a compressed file."""
    rows = _rows("2008-04-01", "2010-10-01", users, items, count)
    folder.mkdir(parents=True)
    ordered = rows.sort_values(["user", "time"], ascending=[True, False])
    lines = [f"{row.user}\t{_utc(row.time)}\t39.7\t-104.9\t{row.item:032x}" for row in ordered.itertuples()]
    with gzip.open(folder / "loc-brightkite_totalCheckins.txt.gz", "wt") as file:
        file.write("\n".join(lines) + "\n")
    return rows


def write_lastfm(folder: Path, *, users: int = 8, items: int = 40, count: int = 1_200) -> pd.DataFrame:
    """LastFM-1K: plays, a user's newest first; every fifth artist has a name alone."""
    rows = _rows("2006-02-01", "2009-05-01", users, items, count)
    folder.mkdir(parents=True)
    ordered = rows.sort_values(["user", "time"], ascending=[True, False])
    ids = {item: f"{item:08x}-ab" if item % 5 else "" for item in set(rows["item"])}
    lines = [
        f"user_{row.user:06d}\t{_utc(row.time)}\t{ids[row.item]}\tArtist {row.item}\t\tSong"
        for row in ordered.itertuples()
    ]
    (folder / "userid-timestamp-artid-artname-traid-traname.tsv").write_text("\n".join(lines) + "\n")
    return rows


def _utc(time: int) -> str:
    return pd.Timestamp(time, unit="s").strftime("%Y-%m-%dT%H:%M:%SZ")


WRITE = {
    "netflix_prize": write_netflix,
    "movie_tweetings": write_movietweetings,
    "brightkite_checkins": write_brightkite,
    "lastfm_1k": write_lastfm,
}
