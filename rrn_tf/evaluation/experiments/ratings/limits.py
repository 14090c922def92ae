"""What the model cannot do, and which ratings were left out, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from rrn_tf.data.sequences import RatingSequences
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Table
from rrn_tf.evaluation.experiments.sentences import counted, day, duration
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.evaluation.protocols import FROZEN, STREAMING
from rrn_tf.features import SIDES, Side, Split

ORDER = 160
TITLE = "What the model cannot do, and which ratings were left out"
SOURCE = ""

_LATER = tuple(split for split in Split if split is not Split.TRAIN)
_A = {Side.USER: "A user's", Side.ITEM: "An item's"}
_KINDS = {Split.TEST_COLD: "test", Split.VALID_COLD: "validation"}
_DUPLICATES = "duplicate"  # the reason for which a row is rejected that repeats another


class _Limit(NamedTuple):
    """One thing that is left out or cannot be done.

    Attributes:
      what: the thing.
      number, of: how many there are, of how many; None where it is not a number.
      why: the reason or what follows, in whole sentences.
    """

    what: str
    number: int | None
    of: int | None
    why: str


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Lists what was left out of the data, what the figures cannot say, and what the model cannot know."""
    sequences = subject.sequences
    limits = [*_rejected(sequences), *_unseen(subject), *_untested(sequences), *_by_design(sequences)]
    if not subject.metrics:
        limits.append(
            _Limit(
                "figures of training",
                None,
                None,
                "The run has no metrics.json, so its learning curves and seconds are not known.",
            )
        )
    frame = pd.DataFrame([limit for limit in limits if limit.of != 0])
    frame["number"], frame["of"] = frame["number"].astype("Int64"), frame["of"].astype("Int64")
    frame.insert(3, "share", (frame["number"] / frame["of"]).astype("Float64"))
    return [Table("limits", TITLE, _caption(sequences), frame, {"number": ",", "of": ",", "share": ".1%"})]


def _rejected(sequences: RatingSequences) -> Iterator[_Limit]:
    rejected = sequences.metadata.rejected
    rows = sum(rejected.values()) + sum(sequences.metadata.ratings.values())
    for reason, number in sorted(rejected.items(), key=lambda pair: -pair[1]):
        why = (
            "They repeat the user, item and second of an earlier row, which was kept."
            if reason == _DUPLICATES
            else "They could not be used. dead_letters.jsonl has each of them, with its file, line and problem."
        )
        yield _Limit(f"rows of the input that were rejected: {reason.replace('_', ' ')}", number, rows, why)


def _unseen(subject: RatingSubject) -> Iterator[_Limit]:
    sequences = subject.sequences
    later = sequences.interactions(_LATER, unseen=True)
    metadata = sequences.metadata
    new = {Side.USER: later.user > metadata.users.trained, Side.ITEM: later.item > metadata.items.trained}
    for label, rows in (
        ("users that training did not see", new[Side.USER] & ~new[Side.ITEM]),
        ("items that training did not see", new[Side.ITEM] & ~new[Side.USER]),
        ("users and items neither of which training saw", new[Side.USER] & new[Side.ITEM]),
    ):
        if rows.any():
            yield _Limit(
                f"later ratings of {label}",
                int(rows.sum()),
                len(later),
                "All who are new have the same first state, so that before their first rating the model knows nothing "
                "of what sets them apart. As in the paper, they are left out of the test and validation figures.",
            )
    for split, kind in _KINDS.items():
        known, of = (subject.metrics.get(name.label, {}) for name in (Split(split - 2), split))
        protocols = [name for name in (FROZEN, STREAMING) if name in of and name in known]
        if protocols:
            said = "; ".join(
                f"{of[name]['rmse']:.4f} by the {name} protocol, against {known[name]['rmse']:.4f} of known users and "
                "items"
                for name in protocols
            )
            yield _Limit(
                f"{kind} ratings of users or items unseen in training",
                of[protocols[0]]["n"],
                of[protocols[0]]["n"] + known[protocols[0]]["n"],
                f"Their RMSE is {said}.",
            )


def _untested(sequences: RatingSequences) -> Iterator[_Limit]:
    metadata = sequences.metadata
    scored = sequences.interactions([Split.VALID, Split.TEST])
    for side, index in ((Side.USER, scored.user), (Side.ITEM, scored.item)):
        trained = metadata.entities(side).trained
        tested = len(np.unique(index[index > 0]))
        yield _Limit(
            f"{side.value}s of training without a validation or test rating",
            trained - tested,
            trained,
            f"No figure of accuracy says how well these {side.value}s are predicted.",
        )
    times = {name: sequences.interactions(splits).timestamp for name, splits in _TIMES.items()}
    if len(times["later"]):
        yield _Limit(
            "predictions of later times",
            None,
            None,
            f"The model learnt from ratings of {_range(times['training'])}, and was tested on ratings of "
            f"{_range(times['later'])}. Of how well it does after {day(times['later'].max())} nothing is known.",
        )


_TIMES = {"training": [Split.TRAIN], "later": _LATER}


def _range(times: np.ndarray) -> str:
    return f"{day(times.min())} to {day(times.max())}"


def _by_design(sequences: RatingSequences) -> Iterator[_Limit]:
    metadata = sequences.metadata
    lowest, highest = metadata.rating_min, metadata.rating_max
    later = sequences.user.split != Split.TRAIN
    outside = later & ((sequences.user.rating < lowest) | (sequences.user.rating > highest))
    yield _Limit(
        "later ratings outside the range of training",
        int(outside.sum()),
        int(later.sum()),
        f"Predictions are clipped to {lowest:g} to {highest:g}, the range of the training ratings.",
    )
    for side in SIDES:
        of = sequences.side(side)
        in_later = of.split != Split.TRAIN
        begins = of.rating_splits[of.rating_row]
        # Ratings of a step are in order of time, and those of one second know nothing of one another anyway.
        follows = in_later & (of.timestamp > of.timestamp[begins])
        yield _Limit(
            f"later ratings that follow another of the same {side.value} within a step",
            int(follows.sum()),
            int(in_later.sum()),
            f"{_A[side]} state moves between steps, at the earliest after {duration(metadata.granularity(side))} "
            "or when the number of ratings has grown by a factor, so these are predicted without the ratings of their "
            "own step."
            if metadata.steps_per_doubling
            else f"{_A[side]} state moves between steps, which are {duration(metadata.granularity(side))} long, "
            "so these are predicted without the ratings of their own step.",
        )
    yield _Limit(
        "what else is known of users and items",
        None,
        None,
        "The model reads who rated what, how, and when. It reads no text, genre, price or age: attributes of items "
        "serve this report alone.",
    )


def _caption(sequences: RatingSequences) -> str:
    counts, rejected = sequences.metadata.ratings, sum(sequences.metadata.rejected.values())
    later = sum(counts.get(split.label, 0) for split in _LATER)
    cold = sum(counts.get(split.label, 0) for split in (Split.VALID_COLD, Split.TEST_COLD))
    rows = "No row of the input was rejected" if not rejected else f"{counted(rejected, 'row')} of the input rejected"
    share = (
        f"; {cold:,} of {counted(later, 'later rating')} are of users or items that training did not see"
        if later
        else ""
    )
    return (
        f"{rows}{share}. Each line names what was left out, or what the model or these figures cannot say, how many "
        "ratings or rows that concerns, and why."
    )
