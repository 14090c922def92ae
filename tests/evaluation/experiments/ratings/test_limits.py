from __future__ import annotations

import pandas as pd

from rrn_tf.evaluation.experiments.ratings import limits
from rrn_tf.features import Split
from tests.subjects import rating_subject, sequences_of

# Users 1 and 2 and item 1 are known; the last three ratings are of a new user, a new item and of both.
SEQUENCES = sequences_of(
    user=[1, 2, 1, 1, 3, 2, 3],
    item=[1, 1, 1, 1, 1, 2, 2],
    rating=[1, 4, 3, 5, 2, 3, 3],
    day=[-9, -8, 0.1, 0.2, 3, 4, 5],
    split=[0, 0, 2, 1, 4, 4, 3],
    rejected={"duplicate": 2, "not_a_number": 1},
)
METRICS = {
    "test": {"frozen": {"rmse": 0.5, "n": 1}, "streaming": {"rmse": 0.4, "n": 1}},
    "test_cold": {"frozen": {"rmse": 0.7, "n": 2}},
}


def table(**fields: object) -> pd.DataFrame:
    (found,) = limits.exhibits(rating_subject(SEQUENCES, **fields))
    return found.frame.set_index("what")


def test_what_was_left_out_is_counted() -> None:
    frame = table(metrics=METRICS)
    counts = frame[["number", "of"]].dropna().astype(int)
    expected = {
        "rows of the input that were rejected: duplicate": (2, 10),
        "rows of the input that were rejected: not a number": (1, 10),
        "later ratings of users that training did not see": (1, 5),
        "later ratings of items that training did not see": (1, 5),
        "later ratings of users and items neither of which training saw": (1, 5),
        "test ratings of users or items unseen in training": (2, 3),
        "users of training without a validation or test rating": (1, 2),
        "items of training without a validation or test rating": (0, 1),
        "later ratings outside the range of training": (1, 5),
        "later ratings that follow another of the same user within a step": (1, 5),
        # The item's step is of seven days: the second and third of its three later ratings, and one of item 2's two.
        "later ratings that follow another of the same item within a step": (3, 5),
    }
    assert {what: tuple(row) for what, row in zip(counts.index, counts.to_numpy().tolist(), strict=True)} == expected
    assert (
        "0.7000 by the frozen protocol, against 0.5000"
        in frame.loc["test ratings of users or items unseen in training", "why"]
    )
    assert "repeat the user" in frame.loc["rows of the input that were rejected: duplicate", "why"]
    assert "1972-09-18 to 1972-09-19" in frame.loc["predictions of later times", "why"]


def test_missing_figures_are_told_and_nothing_rejected_too() -> None:
    assert "no metrics.json" in table().loc["figures of training", "why"]
    known = SEQUENCES.without([split for split in Split if split is not Split.TRAIN])
    (found,) = limits.exhibits(rating_subject(known))
    assert found.frame["share"].dropna().tolist() == [0.4, 0.2, 1, 1]
    assert found.caption.startswith("3 rows of the input rejected.")
