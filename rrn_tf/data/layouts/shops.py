"""Reviews of goods, places and books: Amazon, Yelp, Goodreads, Ciao, Epinions, Book-Crossing."""

from __future__ import annotations

from rrn_tf.data.layouts.layout import Layout
from rrn_tf.features import ITEM_ID, RATING, TIMESTAMP, USER_ID

_REVIEWER, _PRODUCT, _SECONDS = r"A[0-9A-Z]{10,20}", r"[0-9A-Z]{10}", r"\d{9,10}"
_STARS = r"[0-5](\.\d+)?"
NO_TIMES = "it has no times, and RRN needs to know when each rating was given"

LAYOUTS = [
    Layout(
        "amazon",
        "Amazon reviews (2014 and 2018)",
        {USER_ID: "reviewerID", ITEM_ID: "asin", RATING: "overall", TIMESTAMP: "unixReviewTime"},
    ),
    Layout(
        "amazon-2014",
        "Amazon ratings of 2014",
        {USER_ID: 1, ITEM_ID: 2, RATING: 3, TIMESTAMP: 4},
        width=4,
        line=f"{_REVIEWER},{_PRODUCT},{_STARS},{_SECONDS}",
    ),
    Layout(
        "amazon-2018",
        "Amazon ratings of 2018",
        {ITEM_ID: 1, USER_ID: 2, RATING: 3, TIMESTAMP: 4},
        width=4,
        line=f"{_PRODUCT},{_REVIEWER},{_STARS},{_SECONDS}",
    ),
    Layout(
        "amazon-2023",
        "Amazon reviews of 2023",
        {USER_ID: "user_id", ITEM_ID: "parent_asin", RATING: "rating", TIMESTAMP: "timestamp"},
        time="ms",
    ),
    Layout(
        "amazon-fine-foods",
        "Amazon Fine Foods",
        {USER_ID: "UserId", ITEM_ID: "ProductId", RATING: "Score", TIMESTAMP: "Time"},
    ),
    Layout(
        "yelp",
        "Yelp",
        {USER_ID: "user_id", ITEM_ID: "business_id", RATING: "stars", TIMESTAMP: "date"},
    ),
    Layout(
        "goodreads",
        "Goodreads",
        {USER_ID: "user_id", ITEM_ID: "book_id", RATING: "rating", TIMESTAMP: "date_added"},
        time="%a %b %d %H:%M:%S %z %Y",
    ),
    Layout(
        "goodreads-interactions",
        "Goodreads interactions",
        {USER_ID: "user_id", ITEM_ID: "book_id", RATING: "rating"},
        names=("is_read", "is_reviewed"),
        refused=f"{NO_TIMES}: use the JSON files of reviews or detailed interactions",
    ),
    Layout(
        "ciao",
        "Ciao",
        {USER_ID: 1, ITEM_ID: 2, RATING: 4, TIMESTAMP: 6},
        width=6,
        separator=" ",
        line=rf"\s*\d+\s+\d+\s+\d+\s+[0-5]\s+[0-6]\s+{_SECONDS}\s*",
    ),
    Layout(
        "epinions-slices",
        "Epinions",
        {USER_ID: 1, ITEM_ID: 2, RATING: 4},
        width=6,
        separator=" ",
        line=r"\s*\d+\s+\d+\s+\d+\s+[0-5]\s+[0-6]\s+\d{1,2}\s*",
        refused="its times are numbers of slices and no times",
    ),
    Layout(
        "epinions-extended",
        "Extended Epinions",
        {ITEM_ID: 1, USER_ID: 2, RATING: 3, TIMESTAMP: 5},
        width=8,
        separator="\t",
        line=r"\d+\t\d+\t[1-6]\t\d\t\d{4}/\d\d/\d\d\t[^\t]*\t\d*\t\d*",
        time="ISO",
    ),
    Layout(
        "epinions",
        "Epinions",
        {USER_ID: 1, ITEM_ID: 2, RATING: 3},
        width=3,
        separator=" ",
        line=r"\d+ \d+ [1-5]\s*",
        refused=NO_TIMES,
    ),
    Layout(
        "epinions-reviews",
        "Epinions reviews",
        {ITEM_ID: 1, USER_ID: 2, TIMESTAMP: 4, RATING: 5},
        width=6,
        separator=" ",
        line=r"#?item,? user,? paid,? time,? stars,? words|\S+ \S+ \S+ \d{9,10}(\.0)? [0-5](\.\d+)?( .*)?",
        refused="its reviews go on over several lines, without a mark: save item, user, stars and time as CSV",
    ),
    Layout(
        "book-crossing",
        "Book-Crossing",
        {USER_ID: "User-ID", ITEM_ID: "ISBN", RATING: "Book-Rating"},
        refused=f"{NO_TIMES}; its ratings of 0 mean that a book was read, and are no ratings",
    ),
]
