"""Published files of items that have no line of names: titles of MovieLens, MovieTweetings and the Netflix Prize."""

from __future__ import annotations

from rrn_tf.data.layouts.layout import Layout

# A line's groups are the columns. Texts are UTF-8, or in the encoding given if they are not.
ITEM_LAYOUTS = [
    Layout(
        "movielens-movies",
        "MovieLens movies.dat",
        separator="::",
        line=r"(?P<item_id>\d+)::(?P<title>.+)::(?P<genres>[^:]*)",
        encoding="latin-1",
    ),
    Layout(
        "movielens-100k-items",
        "MovieLens u.item",
        separator="|",
        line=r"(?P<item_id>\d+)\|(?P<title>[^|]*)\|(?P<released>[^|]*)\|[^|]*\|[^|]*(?:\|[01]){19}",
        encoding="latin-1",
    ),
    Layout(
        "netflix-titles",
        "Netflix Prize movie_titles.csv",
        line=r"(?P<item_id>\d+),(?P<year>\d{4}|NULL),(?P<title>.+)",
        encoding="latin-1",
    ),
]
