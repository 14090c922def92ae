"""The SavedModel: signatures over state tables; needs nothing but TensorFlow to serve."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import tensorflow as tf

from rrn_tf import features
from rrn_tf.features import SIDES, Side
from rrn_tf.serving.retrieval import TimedTopK
from rrn_tf.serving.state_tables import SeenItems, StateTable
from rrn_tf.training.alternating import TrainingResult
from rrn_tf.version import __version__

_STRINGS = tf.TensorSpec([None], tf.string)
_TIMES = tf.TensorSpec([None], tf.int64)


class RRNServing(tf.Module):
    """What a saved RRN answers.

    States are those at the training cutoff and are extrapolated to each query's time (Section 3.3); a
    time before the cutoff is answered as of the cutoff. Unknown users and items get the newbie state.

    Args:
      result: a trained network with its states.
      assets: directory for the vocabulary files while the model is saved.
    """

    def __init__(self, result: TrainingResult, assets: Path) -> None:
        super().__init__(name="rrn")
        metadata = result.sequences.metadata
        self._range = (metadata.rating_min, metadata.rating_max)
        self.user, self.item = (
            StateTable(
                side, result.model, result.states.entities[side], result.sequences, assets / side.vocabulary_file
            )
            for side in SIDES
        )
        self.about = tf.Variable(
            json.dumps({"version": __version__, "model": dict(result.model.settings), "metadata": metadata.to_json()}),
            trainable=False,
            name="about",
        )
        self.user_ids, self.item_ids = (self.table(side).ids for side in SIDES)
        self.seen = SeenItems(result.sequences)
        self.cutoff = tf.Variable(metadata.cutoff, dtype=tf.int64, trainable=False, name="cutoff")

    def table(self, side: Side) -> StateTable:
        """The side's state table."""
        return self.user if side is Side.USER else self.item

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, features.USER_ID),
            tf.TensorSpec([None], tf.string, features.ITEM_ID),
            tf.TensorSpec([None], tf.int64, features.TIMESTAMP),
        ]
    )
    def predict(self, user_id: tf.Tensor, item_id: tf.Tensor, timestamp: tf.Tensor) -> dict[str, tf.Tensor]:
        """Predicted ratings float32[N], within the range of the training ratings."""
        vectors = [
            self.table(side).vectors(self.table(side).index(ids), self.table(side).step(timestamp))
            for side, ids in ((Side.USER, user_id), (Side.ITEM, item_id))
        ]
        return {features.RATING: tf.clip_by_value(tf.reduce_sum(vectors[0] * vectors[1], axis=1), *self._range)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def predict_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """As `predict`, from serialized `tf.Example` protos."""
        parsed = tf.io.parse_example(examples, features.rating_example_spec())
        return self.predict(parsed[features.USER_ID], parsed[features.ITEM_ID], parsed[features.TIMESTAMP])

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, features.USER_ID),
            tf.TensorSpec([None], tf.int64, features.TIMESTAMP),
            tf.TensorSpec([], tf.int32, "k"),
        ]
    )
    def recommend(self, user_id: tf.Tensor, timestamp: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        """Best items as of a time, the user's own excluded: ids and scores, [N, min(k, items)].

        Scores are the model's ratings before clipping. Where fewer than k items are left for a user,
        the tail has the empty id and the score -inf.
        """
        users, items = self.table(Side.USER), self.table(Side.ITEM)
        user = users.index(user_id)
        query = users.vectors(user, users.step(timestamp))
        times, group = tf.unique(items.step(timestamp))
        catalogue = tf.range(1, tf.shape(items.ids)[0], dtype=tf.int64)
        width = tf.clip_by_value(k, 0, tf.size(catalogue))
        scores = tf.zeros([tf.size(user), width])
        found = tf.zeros([tf.size(user), width], tf.int64)
        # Item vectors depend on the item side's time step alone, so queries of one step share them.
        for number in tf.range(tf.size(times)):
            rows = tf.where(group == number)
            candidates = items.vectors(catalogue, tf.fill(tf.shape(catalogue), times[number]))
            index = TimedTopK(k=10).index(candidates, catalogue)
            excluded = self.seen.of(tf.gather_nd(user, rows)) - 1
            best, identifiers = index.query_without(tf.gather_nd(query, rows), excluded, width)
            scores = tf.tensor_scatter_nd_update(scores, rows, best)
            found = tf.tensor_scatter_nd_update(found, rows, identifiers)
        found = tf.where(tf.math.is_inf(scores), tf.zeros_like(found), found)
        return {features.ITEM_ID: tf.gather(items.ids, found), features.SCORE: scores}


def export_saved_model(result: TrainingResult, path: str | Path) -> None:
    """Writes a SavedModel with the signatures `serving_default`, `predict` and `recommend`.

    Args:
      result: a trained network.
      path: the SavedModel's directory.
    """
    with tempfile.TemporaryDirectory() as assets:
        module = RRNServing(result, Path(assets))
        tf.saved_model.save(
            module,
            str(path),
            signatures={
                "serving_default": module.predict_examples,
                "predict": module.predict,
                "recommend": module.recommend,
            },
        )
