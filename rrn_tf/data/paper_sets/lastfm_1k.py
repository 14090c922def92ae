"""LastFM-1K: 19 million plays of nearly 1,000 listeners until May 2009; items are artists."""

from __future__ import annotations

from rrn_tf.data.paper_sets.paper_set import PaperSet, Part

_FILE = "userid-timestamp-artid-artname-traid-traname.tsv"

SET = PaperSet(
    "lastfm_1k",
    "LastFM-1K",
    "http://ocelma.net/MusicRecommendationDataset/lastfm-1K.html",
    "O. Celma: Music Recommendation and Discovery in the Long Tail. Springer, 2010.",
    (_FILE, f"lastfm-dataset-1K/{_FILE}"),
    (
        Part("names", "artists without an id go by their name", "lastfm-1k"),
        # As in the authors' program of the Collaborative RNN.
        Part("ids", "one item stands for all artists without an id", "lastfm-1k-ids"),
    ),
    rated=False,
    urls=("http://mtg.upf.edu/static/datasets/last.fm/lastfm-dataset-1K.tar.gz",),
    inside=f"lastfm-dataset-1K/{_FILE}",
)
