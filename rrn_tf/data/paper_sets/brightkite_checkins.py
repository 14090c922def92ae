"""Brightkite: 4.5 million check-ins, April 2008 to October 2010."""

from __future__ import annotations

from rrn_tf.data.paper_sets.paper_set import PaperSet, Part

_FILE = "loc-brightkite_totalCheckins.txt.gz"

SET = PaperSet(
    "brightkite_checkins",
    "Brightkite check-ins",
    "https://snap.stanford.edu/data/loc-Brightkite.html",
    "E. Cho, S. A. Myers, J. Leskovec: Friendship and Mobility: User Movement in Location-Based Social Networks. "
    "KDD 2011.",
    (_FILE, _FILE.removesuffix(".gz")),
    (Part("all", "all check-ins", "brightkite"),),
    rated=False,
    urls=(f"https://snap.stanford.edu/data/{_FILE}",),
)
