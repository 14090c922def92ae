"""Events: check-ins and plays."""

from __future__ import annotations

from rrn_tf.data.layouts.layout import Layout
from rrn_tf.features import ITEM_ID, RATING, TIMESTAMP, USER_ID

# userid-timestamp-artid-artname-traid-traname.tsv
_LASTFM = {USER_ID: 1, TIMESTAMP: 2, ITEM_ID: 3}
_UTC = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_DEGREES = r"-?\d*\.?\d*"
_TWITTER_TIME = "%a %b %d %H:%M:%S %z %Y"
_TWITTER = r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d \+0000 \d{4}"

LAYOUTS = [
    Layout(
        "gowalla",
        "Gowalla check-ins (SNAP)",
        {USER_ID: 1, TIMESTAMP: 2, ITEM_ID: 5},
        width=5,
        separator="\t",
        line=rf"\d+\t{_UTC}\t{_DEGREES}\t{_DEGREES}\t\d{{1,9}}",
        time="ISO",
        newest_first=True,
    ),
    Layout(
        "brightkite",
        "Brightkite check-ins (SNAP)",
        {USER_ID: 1, TIMESTAMP: 2, ITEM_ID: 5},
        width=5,
        separator="\t",
        line=rf"\d+\t({_UTC})?\t{_DEGREES}\t{_DEGREES}\t([0-9a-f]{{10,40}})?",
        time="ISO",
        newest_first=True,
    ),
    Layout(
        "foursquare",
        "Foursquare check-ins (New York and Tokyo)",
        {USER_ID: 1, ITEM_ID: 2, TIMESTAMP: 8},
        width=8,
        separator="\t",
        line=rf"\d+\t[0-9a-f]{{24}}\t[0-9a-f]*\t[^\t]*\t{_DEGREES}\t{_DEGREES}\t-?\d+\t{_TWITTER}",
        time=_TWITTER_TIME,
        encoding="latin-1",
    ),
    Layout(
        "foursquare-global",
        "Foursquare check-ins (global)",
        {USER_ID: 1, ITEM_ID: 2, TIMESTAMP: 3},
        width=4,
        separator="\t",
        line=rf"\d+\t[0-9a-f]{{24}}\t{_TWITTER}\t-?\d+",
        time=_TWITTER_TIME,
    ),
    Layout(
        "foursquare-csv",
        "Foursquare check-ins",
        {USER_ID: "userId", ITEM_ID: "venueId", TIMESTAMP: "utcTimestamp"},
        time=_TWITTER_TIME,
    ),
    Layout(
        "lastfm-1k",
        "LastFM-1K plays",
        _LASTFM,
        width=6,
        separator="\t",
        line=rf"user_\d+\t{_UTC}\t[^\t]*\t[^\t]*\t[^\t]*\t[^\t]*",
        time="ISO",
        newest_first=True,
        item_name=4,
    ),
    # The authors' program treats all artists without an id as one item.
    Layout(
        "lastfm-1k-ids",
        "LastFM-1K plays, where one item stands for all artists without an id",
        _LASTFM,
        width=6,
        separator="\t",
        time="ISO",
        newest_first=True,
        no_item="no-artist-id",
    ),
    Layout(
        "lastfm-360k",
        "LastFM-360K plays",
        {USER_ID: 1, ITEM_ID: 2},
        width=4,
        separator="\t",
        line=r"[0-9a-f]{40}\t[^\t]*\t[^\t]*\t\d+",
        refused="it has counts of plays and no times",
    ),
    Layout(
        "hetrec-lastfm-tags",
        "HetRec LastFM tags",
        {USER_ID: "userID", ITEM_ID: "artistID", TIMESTAMP: "timestamp"},
        time="ms",
    ),
    Layout(
        "hetrec-lastfm",
        "HetRec LastFM",
        {USER_ID: "userID", ITEM_ID: "artistID", RATING: "weight"},
        names=("weight",),
        refused="it has counts of plays and no times",
    ),
    Layout(
        "hetrec-delicious",
        "HetRec Delicious",
        {USER_ID: "userID", ITEM_ID: "bookmarkID", TIMESTAMP: "timestamp"},
        time="ms",
    ),
    Layout(
        "authors",
        "Collaborative RNN program's",
        {USER_ID: 1, ITEM_ID: 2, TIMESTAMP: 3},
        width=3,
        separator=" ",
        line=r"\d+ \d+ \d{1,10}",
    ),
]
