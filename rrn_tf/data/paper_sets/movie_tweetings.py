"""MovieTweetings: IMDb ratings that people told on Twitter, from 2013 on."""

from __future__ import annotations

from rrn_tf.data.paper_sets.paper_set import PaperSet, Part

_LATEST = "https://raw.githubusercontent.com/sidooms/MovieTweetings/master/latest"

SET = PaperSet(
    "movie_tweetings",
    "MovieTweetings",
    "https://github.com/sidooms/MovieTweetings",
    "S. Dooms, T. De Pessemier, L. Martens: MovieTweetings: a movie rating dataset collected from Twitter. "
    "Workshop on Crowdsourcing and Human Computation for Recommender Systems, RecSys 2013.",
    ("ratings.dat",),
    (
        Part("all", "all ratings", "movietweetings"),
        # What the figures of this package's documents are of.
        Part("2013", "ratings until 6 November 2013", "movietweetings", end="2013-11-07"),
    ),
    item_files=("movies.dat",),
    urls=(f"{_LATEST}/ratings.dat", f"{_LATEST}/movies.dat"),
)
