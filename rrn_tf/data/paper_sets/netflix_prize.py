"""The Netflix Prize: 100 million ratings of films, November 1999 to December 2005."""

from __future__ import annotations

from rrn_tf.data.paper_sets.paper_set import PaperSet, Part

_LAYOUT = "netflix"

SET = PaperSet(
    "netflix_prize",
    "Netflix Prize",
    "https://www.kaggle.com/datasets/netflix-inc/netflix-prize-data",
    "J. Bennett, S. Lanning: The Netflix Prize. KDD Cup and Workshop, 2007.",
    # As Kaggle has them, and as the contest's own archive did.
    ("combined_data_*.txt", "training_set/mv_*.txt"),
    (
        Part("all", "all ratings", _LAYOUT),
        Part("3-months", "September to December 2005", _LAYOUT, "2005-09-01", "2006-01-01"),
        Part("6-months", "June to December 2005", _LAYOUT, "2005-06-01", "2006-01-01"),
        Part("1-year", "June 2004 to June 2005", _LAYOUT, "2004-06-01", "2005-07-01"),
        Part("full", "December 1999 to December 2005", _LAYOUT, "1999-12-01", "2006-01-01"),
    ),
    item_files=("movie_titles.csv", "movie_titles.txt"),
)
