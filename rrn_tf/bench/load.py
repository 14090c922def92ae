"""Generates the ratings of the benchmarks, similar to Netflix's, as a CSV file or as sequences in memory."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rrn_tf.config import DataConfig, SplitConfig
from rrn_tf.data.metadata import EntityCounts, SequenceMetadata
from rrn_tf.data.rows import SideRatings
from rrn_tf.data.synthetic import START, SyntheticConfig, generate
from rrn_tf.features import COLUMNS, Side, Split

if TYPE_CHECKING:
    from rrn_tf.data.sequences import RatingSequences

_DAY = 86_400


def netflix_like(ratings: int, users: int, items: int, seed: int, *, sitting: float = 5.2) -> SyntheticConfig:
    """Describes half a year of ratings similar to Netflix's, which are fast to generate since factors do not drift.

    The Netflix Prize data are 100,480,507 ratings of 480,189 users and 17,770 items, with mean 3.6 and standard
    deviation 1.1. Users rate on 40 days on average, with 5.2 ratings on each of these days, and the median user has
    0.46 of the mean number of ratings. This load has the same figures at a similar density; if users have rated much of
    the catalogue, activity is more even. Its most popular item has 0.4 % of all ratings, Netflix's 0.23 %; its most
    active users are less active.

    Args:
      ratings, users, items: numbers; the paper's half year has 13.7 million, 311,300 and 17,700.
      seed: seed of all random numbers.
      sitting: mean number of ratings of a user on a day with ratings.

    Raises:
      ValueError: if there are too few or too many ratings for the users and items.

    Reference:
      Y. Koren: Collaborative filtering with temporal dynamics. KDD 2009.
    """
    return SyntheticConfig(
        users=users,
        items=items,
        ratings=ratings,
        days=180,
        mean=3.6,
        signal=0.6,
        static=True,
        noise=0.95,
        user_skew=1.0,
        item_skew=1.5,
        sitting=sitting,
        rating_step=1.0,
        rating_min=1.0,
        rating_max=5.0,
        seed=seed,
    )


@dataclass(frozen=True)
class Load:
    """The data of a benchmark; all ratings are for training, and steps of days end at midnight.

    Attributes:
      ratings: settings of the generated ratings.
      user_granularity, item_granularity: length of a time step such as ``1d``.
      steps_per_doubling: number of steps for each doubling of ratings (see `rrn_tf.data.steps.StepRule`).
    """

    ratings: SyntheticConfig
    user_granularity: str = "1d"
    item_granularity: str = "7d"
    steps_per_doubling: int = 0

    @property
    def cutoff(self) -> int:
        """Unix seconds of the end of the period."""
        return START + self.ratings.days * _DAY

    @property
    def data(self) -> DataConfig:
        """Settings of the preparation of the load."""
        split = SplitConfig(cutoff=str(self.cutoff))
        return DataConfig(split, self.user_granularity, self.item_granularity, self.steps_per_doubling)

    def as_dict(self) -> dict[str, Any]:
        """Returns the load by the names of its options, for JSON, without the seed."""
        names = ("ratings", "users", "items", "days", "sitting")
        values = asdict(self.ratings)
        steps = ("user_granularity", "item_granularity", "steps_per_doubling")
        return {**{name: values[name] for name in names}, **{name: getattr(self, name) for name in steps}}

    @property
    def steps(self) -> str:
        """Description of the time steps."""
        count = f", {self.steps_per_doubling} a doubling of ratings" if self.steps_per_doubling else ""
        return f"steps of {self.user_granularity} (users) and {self.item_granularity} (items){count}"

    def __str__(self) -> str:
        load = self.ratings
        times = f"in sittings of {load.sitting:g}" if load.sitting > 1 else "each at a time of its own"
        return (
            f"{load.ratings:,} ratings of {load.users:,} users and {load.items:,} items in {load.days} days, "
            f"{times}, seed {load.seed}"
        )


def write_csv(load: Load, path: str | Path) -> int:
    """Generates the ratings and writes them as CSV in order of time; ids are numbers, as Netflix's are.

    Returns:
      The size of the file in bytes.
    """
    import pyarrow as pa
    from pyarrow import csv

    ratings = generate(load.ratings)
    table = pa.table([ratings.user, ratings.item, ratings.rating, ratings.timestamp], names=COLUMNS)
    with open(path, "wb") as file:
        # Arrow would quote the column names.
        file.write(f"{','.join(COLUMNS)}\n".encode())
        csv.write_csv(table, file, csv.WriteOptions(include_header=False))
    return Path(path).stat().st_size


def load_in_memory(load: Load, train_fraction: float = 1.0) -> RatingSequences:
    """Builds the sequences that Beam would prepare from the ratings, without Beam and without files.

    Args:
      load: the ratings.
      train_fraction: fraction of the ratings, the first in time, for training; the cutoff is one second after the last
        of these. Half of the later ones, drawn at random, is for validation, the other for test, and those of users
        or items without training ratings are `VALID_COLD` or `TEST_COLD`. With 1, all ratings are for training, and
        the cutoff is the load's.

    Returns:
      Sequences of exactly the load's ratings.
    """
    from rrn_tf.data.sequences import sequences_in_memory

    ratings = generate(load.ratings)
    cutoff = load.cutoff
    if train_fraction < 1:
        last = math.ceil(Fraction(str(train_fraction)) * len(ratings))
        cutoff = int(ratings.timestamp[last - 1]) + 1
    training = ratings.timestamp < cutoff
    user, user_ids, users = _indexed(ratings.user, training)
    item, item_ids, items = _indexed(ratings.item, training)
    # A different seed than the generator's, so that the draws are independent.
    test = np.random.default_rng([load.ratings.seed, 1]).random(len(ratings)) < 0.5
    warm = (user <= users) & (item <= items)
    split = np.select(
        [training, warm & ~test, warm, ~test], [Split.TRAIN, Split.VALID, Split.TEST, Split.VALID_COLD], Split.TEST_COLD
    ).astype(np.uint8)
    number = np.bincount(split, minlength=len(Split))
    time, given = ratings.timestamp[training] - START, ratings.rating[training]
    metadata = SequenceMetadata(
        cutoff=cutoff,
        user_granularity=load.data.granularity_seconds(Side.USER.value),
        item_granularity=load.data.granularity_seconds(Side.ITEM.value),
        wallclock_mean=START + float(time.mean()),
        wallclock_std=float(time.std()) or 1.0,
        rating_mean=float(given.mean(dtype=np.float64)),
        rating_min=float(given.min()),
        rating_max=float(given.max()),
        users=EntityCounts(users, len(user_ids)),
        items=EntityCounts(items, len(item_ids)),
        ratings={part.label: int(number[part]) for part in Split},
        steps_per_doubling=load.steps_per_doubling,
    )
    table = SideRatings(user, item, ratings.rating, ratings.timestamp, split)
    return sequences_in_memory(table, user_ids, item_ids, metadata)[0]


def _indexed(
    number: npt.NDArray[np.int32], training: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.object_], int]:
    """Computes indices from 1, the vocabulary that Beam would build, and the number of ids with training ratings.

    Ids with training ratings come first, then the others, both sorted as text.
    """
    used = np.flatnonzero(np.bincount(number))
    trained = np.bincount(number[training], minlength=used[-1] + 1)[used] > 0
    ids = used.astype(str)
    order = np.argsort(ids)
    order = order[np.argsort(~trained[order], kind="stable")]
    index = np.zeros(used[-1] + 1, np.int32)
    index[used[order]] = np.arange(1, len(used) + 1)
    return index[number], ids[order].astype(object), int(trained.sum())
