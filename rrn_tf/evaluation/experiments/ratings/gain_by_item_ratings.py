"""Figure 10 of the RRN paper: the gain by the number of training ratings of the item."""

from __future__ import annotations

from collections.abc import Sequence

from rrn_tf.evaluation.experiments.exhibits import Exhibit
from rrn_tf.evaluation.experiments.gains import gains_by_count
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.features import Side

ORDER = 100
TITLE = "Gain by number of training ratings of the item"
SOURCE = "Wu et al., WSDM 2017, Figure 10"


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Draws the gain over PMF and over the best baseline."""
    return gains_by_count(subject, Side.ITEM, "gain_by_item_ratings", TITLE)
