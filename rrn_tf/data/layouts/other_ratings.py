"""Further layouts of ratings, of atomic files and of jokes."""

from __future__ import annotations

from rrn_tf.data.layouts.layout import Layout
from rrn_tf.data.layouts.shops import NO_TIMES
from rrn_tf.features import ITEM_ID, RATING, TIMESTAMP, USER_ID

LAYOUTS = [
    Layout(
        "recbole",
        "RecBole",
        {
            USER_ID: "user_id:token",
            ITEM_ID: "item_id:token",
            RATING: "rating:float",
            TIMESTAMP: "timestamp:float",
        },
        separator="\t",
    ),
    Layout(
        "jester",
        "Jester",
        {},
        width=101,
        line=r"\d+(,\s*-?\d*\.?\d*){100}|\d+(;\s*-?\d*\.?\d*){100}",
        refused=NO_TIMES,
    ),
    Layout(
        "jester-list",
        "Jester",
        {USER_ID: 1, ITEM_ID: 2, RATING: 3},
        width=3,
        separator=" ",
        line=r"\d+\t+\d+\t+-?\d+\.\d+\s*",
        refused=NO_TIMES,
    ),
]
