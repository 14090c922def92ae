"""Ratings of films: MovieLens, MovieTweetings, Netflix, HetRec and CiaoDVD."""

from __future__ import annotations

from rrn_tf.data.layouts.layout import Layout
from rrn_tf.features import ITEM_ID, RATING, TIMESTAMP, USER_ID

_IN_ORDER = {USER_ID: 1, ITEM_ID: 2, RATING: 3, TIMESTAMP: 4}
_SECONDS = r"\d{9,10}"

LAYOUTS = [
    Layout(
        "movielens",
        "MovieLens",
        {USER_ID: "userId", ITEM_ID: "movieId", RATING: "rating", TIMESTAMP: "timestamp"},
    ),
    Layout(
        "movielens-100k",
        "MovieLens 100k",
        _IN_ORDER,
        width=4,
        separator="\t",
        line=rf"\d+\t\d+\t[1-5]\t{_SECONDS}",
    ),
    Layout(
        "movielens-1m",
        "MovieLens 1M or 10M",
        _IN_ORDER,
        width=4,
        separator="::",
        line=rf"\d+::\d+::\d(\.5)?::{_SECONDS}",
    ),
    Layout(
        "movietweetings",
        "MovieTweetings",
        _IN_ORDER,
        width=4,
        separator="::",
        line=rf"\d+::0\d{{6}}::(\d|10)::{_SECONDS}|\d+::\d{{7,8}}::(\d|10)::{_SECONDS}",
    ),
    Layout(
        "netflix",
        "Netflix Prize",
        {USER_ID: 1, RATING: 2, TIMESTAMP: 3, ITEM_ID: 4},
        width=3,
        line=r"\d+:|\d+,[1-5],\d{4}-\d\d-\d\d",
        time="ISO",
        blocks=True,
    ),
    Layout(
        "netflix-qualifying",
        "Netflix Prize (qualifying)",
        {USER_ID: 1, TIMESTAMP: 2, ITEM_ID: 3},
        width=2,
        line=r"\d+:|\d+,\d{4}-\d\d-\d\d",
        time="ISO",
        blocks=True,
    ),
    Layout(
        "netflix-probe",
        "Netflix Prize (probe)",
        {USER_ID: 1, ITEM_ID: 2},
        width=1,
        line=r"\d+:|\d+",
        blocks=True,
        refused="it has neither ratings nor times: use the rows of training_set that it names",
    ),
    Layout(
        "hetrec-movielens",
        "HetRec MovieLens",
        {USER_ID: "userID", ITEM_ID: "movieID", RATING: "rating", TIMESTAMP: "timestamp"},
        time="ms",
    ),
    Layout(
        "hetrec-movielens-parts",
        "HetRec MovieLens",
        {USER_ID: "userID", ITEM_ID: "movieID", RATING: "rating"},
        names=("date_day", "date_month", "date_year"),
        refused="its times are spread over six columns: use user_ratedmovies-timestamps.dat, which has them in one",
    ),
    Layout(
        "ciaodvd",
        "CiaoDVD",
        {USER_ID: 1, ITEM_ID: 2, RATING: 5, TIMESTAMP: 6},
        width=6,
        line=r"\d+,\d+,\d+,\d+,[0-5],\d{4}-\d\d-\d\d",
        time="ISO",
    ),
]
