"""Table 1 of the RRN paper: the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from rrn_tf.data.interactions import Interactions
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Table
from rrn_tf.evaluation.experiments.sentences import counted, day
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.features import Split

ORDER = 10
TITLE = "The data"
SOURCE = "Wu et al., WSDM 2017, Table 1"

_ROWS = {
    "training": Split.TRAIN,
    "validation": Split.VALID,
    "test": Split.TEST,
    "validation, unseen in training": Split.VALID_COLD,
    "test, unseen in training": Split.TEST_COLD,
}


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Summarises the ratings of each split."""
    parts = {name: subject.sequences.interactions([split], unseen=True) for name, split in _ROWS.items()}
    parts = {name: of for name, of in parts.items() if len(of)}
    if len(parts) > 1:
        parts["all"] = subject.sequences.interactions(Split, unseen=True)
    frame = pd.DataFrame([{"ratings of": name, **_summary(of)} for name, of in parts.items()])
    formats = dict.fromkeys(("ratings", "users", "items"), ",") | {"density": ".4%", "mean": ".3f"}
    return [Table("data_summary", TITLE, _caption(subject.sequences), frame, formats)]


def _summary(of: Interactions) -> dict[str, Any]:
    users, items = len(np.unique(of.user)), len(np.unique(of.item))
    return {
        "ratings": len(of),
        "users": users,
        "items": items,
        "density": len(of) / (users * items),
        "first": day(of.timestamp.min()),
        "last": day(of.timestamp.max()),
        "lowest": float(of.rating.min()),
        "highest": float(of.rating.max()),
        "mean": float(of.rating.mean(dtype=np.float64)),
    }


def _caption(sequences: RatingSequences) -> str:
    metadata, counts = sequences.metadata, sequences.metadata.ratings
    later = sum(counts.get(split.label, 0) for split in Split if split is not Split.TRAIN)
    cold = sum(counts.get(split.label, 0) for split in (Split.VALID_COLD, Split.TEST_COLD))
    sentences = [
        (
            f"The model learnt from the ratings before {day(metadata.cutoff)} (UTC), of "
            f"{counted(metadata.users.trained, 'user')} and {counted(metadata.items.trained, 'item')}."
        )
    ]
    if later:
        new = [of.total - of.trained for of in (metadata.users, metadata.items)]
        sentences.append(
            f"{counted(later, 'later rating')} {'was' if later == 1 else 'were'} held out; {cold:,} of them "
            f"({cold / later:.0%}) are of the {counted(new[0], 'user')} or {counted(new[1], 'item')} that training did "
            "not see, and, as in the paper, they stand apart from validation and test."
        )
    else:
        sentences.append("No later rating was held out.")
    sentences.append("The density is the share of all pairs of these users and items that have a rating.")
    return " ".join(sentences)
