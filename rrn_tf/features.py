"""The data contract: the name of every feature, file and split, and how each is parsed.

No other module spells a feature name. Importing this module loads no large package; the parse
specifications import TensorFlow when they are called.

The contract covers three kinds of data:

* a *rating*: one row of a table, or one serialized ``tf.Example``;
* a *sequence*: all ratings of one user (or one item) as a ``tf.train.SequenceExample``, one feature
  list entry per step (a non-empty time step, or a part of one); or all events of one user, one entry per event;
* the *metadata* shared by both sides: vocabularies, cutoff, wallclock statistics.
"""

from __future__ import annotations

import enum
from typing import Any

# --- a rating -------------------------------------------------------------------------------------
USER_ID = "user_id"  # string
ITEM_ID = "item_id"  # string
RATING = "rating"  # float32
LARGEST_RATING = 1e12  # either way, so that sums of millions of ratings and of their squares are finite float32
TIMESTAMP = "timestamp"  # int64, unix seconds
COLUMNS = (USER_ID, ITEM_ID, RATING, TIMESTAMP)
EVENT_COLUMNS = (USER_ID, ITEM_ID, TIMESTAMP)  # an event: a rating without the rating
POSITION = "position"  # int64, order in which events were read; it orders events of the same second
PREDICTION = "prediction"  # float32, the column that `rrn predict` adds
HISTORY = "history"  # string per event since training, in order of time
LOG_PROBABILITY = "log_probability"  # float32, log-probability of a next item, in nats
SCORE = "score"  # float32, of a recommended item: its predicted rating before clipping
CANDIDATES = "candidates"  # string, the items to recommend from
SIMILAR_ITEM_ID = "similar_item_id"  # string, an item that is like another
SIMILARITY = "similarity"  # float32, cosine of the angle between two items' vectors
EXCLUDE = "exclude"  # string, items not to recommend
NEW_ONLY = "new_only"  # bool, whether to recommend only items that the user has not met
# A user's ratings that come with a request.
HISTORY_ITEM_ID = "history_item_id"  # string
HISTORY_RATING = "history_rating"  # float32
HISTORY_TIMESTAMP = "history_timestamp"  # int64, unix seconds

# Derived per rating, for evaluation slices.
MONTH = "month"  # string, "2013-05" (UTC)
USER_ACTIVITY = "user_activity"  # string, bucket of the user's number of training ratings
ACTIVITY_BUCKETS = ((0, "0"), (1, "1-9"), (10, "10-99"), (100, "100-999"), (1000, "1000+"))

# --- a sequence -----------------------------------------------------------------------------------
ENTITY_ID = "entity_id"  # context, string
ENTITY_INDEX = "entity_index"  # context, int64, 1-based; 0 is the unknown entity
STEP = "step"  # feature list, one int64 per entry: floor((timestamp - cutoff) / granularity)
OPPOSITE_INDEX = "opposite_index"  # feature list, int64 per rating of the step
OPPOSITE_ROW = "opposite_row"  # feature list, int64: number of the opposite entity's steps strictly before this one
# RATING and TIMESTAMP (feature lists, per rating of the step) keep their names.
SPLIT = "split"  # feature list, int64 per rating of the step: a Split value

# --- files of a prepared data set -----------------------------------------------------------------
METADATA_FILE = "metadata.json"
EVENT_METADATA_FILE = "events.json"


class Split(enum.IntEnum):
    """The part of the time split to which a rating belongs.

    Ratings after the cutoff are halved into validation and test. Those of a user or item without
    training ratings go to the cold counterpart of their split, which the paper leaves out of its figures.
    """

    TRAIN = 0
    VALID = 1
    TEST = 2
    VALID_COLD = 3
    TEST_COLD = 4

    @property
    def label(self) -> str:
        """The split's name in files, artifacts and reports."""
        return self.name.lower()


SPLIT_NAMES = tuple(split.label for split in Split)


class Side(str, enum.Enum):
    """The user side or the item side, which mirror each other; code that serves both takes a `Side`."""

    USER = "user"
    ITEM = "item"

    @property
    def opposite(self) -> Side:
        return Side.ITEM if self is Side.USER else Side.USER

    @property
    def id_feature(self) -> str:
        return USER_ID if self is Side.USER else ITEM_ID

    @property
    def sequences(self) -> str:
        """Base name of the side's sequence files and artifact split."""
        return f"{self.value}_sequences"

    @property
    def vocabulary_file(self) -> str:
        """Name of the text file with one id per line; line k (from 1) is the id of the entity with index k."""
        return f"{self.value}s.txt"


SIDES = (Side.USER, Side.ITEM)
HELD_OUT_USERS_FILE = "held_out_users.txt"  # asset of a saved RRN: ids of users with validation or test ratings


def rating_example_spec(*, labelled: bool = False) -> dict[str, Any]:
    """Returns the parse specification of a serialized rating `tf.Example` (`tf.io.parse_example`)."""
    import tensorflow as tf

    spec = {
        USER_ID: tf.io.FixedLenFeature([], tf.string),
        ITEM_ID: tf.io.FixedLenFeature([], tf.string),
        TIMESTAMP: tf.io.FixedLenFeature([], tf.int64),
    }
    if labelled:
        spec[RATING] = tf.io.FixedLenFeature([], tf.float32)
    return spec


def event_example_spec() -> dict[str, Any]:
    """Returns the parse specification of a serialized event `tf.Example`."""
    import tensorflow as tf

    return {**rating_example_spec(), POSITION: tf.io.FixedLenFeature([], tf.int64)}


def sequence_context_spec() -> dict[str, Any]:
    """Returns the context parse specification of a sequence (`tf.io.parse_sequence_example`)."""
    import tensorflow as tf

    return {
        ENTITY_ID: tf.io.FixedLenFeature([], tf.string),
        ENTITY_INDEX: tf.io.FixedLenFeature([], tf.int64),
    }


def sequence_feature_spec() -> dict[str, Any]:
    """Returns the feature-list parse specification of a sequence: all ragged, `[sequences, (steps), (ratings)]`."""
    import tensorflow as tf

    def ragged(dtype: Any) -> Any:
        return tf.io.RaggedFeature(dtype, row_splits_dtype=tf.int64)

    return {
        STEP: ragged(tf.int64),
        OPPOSITE_INDEX: ragged(tf.int64),
        OPPOSITE_ROW: ragged(tf.int64),
        RATING: ragged(tf.float32),
        TIMESTAMP: ragged(tf.int64),
        SPLIT: ragged(tf.int64),
    }


def event_sequence_feature_spec() -> dict[str, Any]:
    """Returns the feature-list parse specification of a user's events: `sequence_feature_spec`, one event per step."""
    spec = sequence_feature_spec()
    return {name: spec[name] for name in (OPPOSITE_INDEX, TIMESTAMP, SPLIT)}


def history_example_spec() -> dict[str, Any]:
    """Returns the parse specification of a serialized `tf.Example` of a user and the items of events since training."""
    import tensorflow as tf

    return {USER_ID: tf.io.FixedLenFeature([], tf.string), HISTORY: tf.io.RaggedFeature(tf.string)}
