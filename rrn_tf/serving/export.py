"""Exports an RRN as a SavedModel with signatures over tables of states, which needs only TensorFlow to serve."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import tensorflow as tf

from rrn_tf import features
from rrn_tf.data.model_folder import seal
from rrn_tf.features import SIDES, Side
from rrn_tf.layers.fused import for_any_device
from rrn_tf.serving.catalogue import Catalogue
from rrn_tf.serving.history import UserHistory
from rrn_tf.serving.history_factors import RequestHistory
from rrn_tf.serving.kept import kept_cells
from rrn_tf.serving.model_card import write_card
from rrn_tf.serving.requests import answer_width, same_rows, same_widths
from rrn_tf.serving.saved_files import check_saved_model
from rrn_tf.serving.saved_metadata import facts_of, typical_requests
from rrn_tf.serving.state_tables import SeenItems, StateTable
from rrn_tf.serving.warmup import write_warmup
from rrn_tf.states.snapshot import RRNSnapshot
from rrn_tf.version import __version__

_IDS, _LISTS = [None], [None, None]
_USER = tf.TensorSpec(_IDS, tf.string, features.USER_ID)
_ITEM = tf.TensorSpec(_IDS, tf.string, features.ITEM_ID)
_TIME = tf.TensorSpec(_IDS, tf.int64, features.TIMESTAMP)
_K = tf.TensorSpec([], tf.int32, "k")

Answer = dict[str, tf.Tensor]


class RRNServing(tf.Module):
    """The signatures of a saved RRN.

    States are those after each entity's last rating, and are extrapolated to each query's time (Section 3.3); an
    earlier time is raised to that of the last rating. Unknown users and items have the newbie state.

    Args:
      served: the network with its states.
      assets: directory for the vocabulary files while the model is saved.
    """

    def __init__(self, served: RRNSnapshot, assets: Path) -> None:
        super().__init__(name="rrn")
        model, metadata = served.model, served.metadata
        self._range = (metadata.rating_min, metadata.rating_max)
        self.user, self.item = (StateTable(side, served, assets / side.vocabulary_file) for side in SIDES)
        self.about = tf.Variable(
            json.dumps(
                {
                    "version": __version__,
                    "model": dict(model.settings),
                    "factor_scale": model.factor_scale,
                    "part_weights": model.part_weights,
                    "metadata": metadata.to_json(),
                    "since": served.since,
                    "metrics": served.metrics,
                }
            ),
            trainable=False,
            name="about",
        )
        self.user_ids, self.item_ids = (self.table(side).ids for side in SIDES)
        self.seen = SeenItems(served, assets / features.HELD_OUT_USERS_FILE)
        resting = self.item.at_rest()
        self.catalogue = Catalogue(self.item, resting)
        self.compiled = resting.compiled if resting else tf.Variable(False, trainable=False, name="compiled")
        self.history = UserHistory(model, self.user, self.item, metadata)
        self.cutoff = tf.Variable(metadata.cutoff, dtype=tf.int64, trainable=False, name="cutoff")
        self.until = tf.Variable(served.until, dtype=tf.int64, trainable=False, name="until")

    def table(self, side: Side) -> StateTable:
        """Returns the side's state table."""
        return self.user if side is Side.USER else self.item

    @tf.function(input_signature=[_USER, _ITEM, _TIME], autograph=False)
    def predict(self, user_id: tf.Tensor, item_id: tf.Tensor, timestamp: tf.Tensor) -> Answer:
        """Predicts ratings float32[N], clipped to the range of the training ratings."""
        user_id, item_id, timestamp = same_rows(user_id=user_id, item_id=item_id, timestamp=timestamp)
        return self._rating(self._vectors(Side.USER, user_id, timestamp), self._vectors(Side.ITEM, item_id, timestamp))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")], autograph=False)
    def predict_examples(self, examples: tf.Tensor) -> Answer:
        """As `predict`, from serialized `tf.Example` protos."""
        parsed = tf.io.parse_example(examples, features.rating_example_spec())
        return self.predict(parsed[features.USER_ID], parsed[features.ITEM_ID], parsed[features.TIMESTAMP])

    @tf.function(
        input_signature=[
            _USER,
            _ITEM,
            _TIME,
            tf.TensorSpec(_LISTS, tf.string, features.HISTORY_ITEM_ID),
            tf.TensorSpec(_LISTS, tf.float32, features.HISTORY_RATING),
            tf.TensorSpec(_LISTS, tf.int64, features.HISTORY_TIMESTAMP),
        ],
        autograph=False,
    )
    def predict_from_history(
        self,
        user_id: tf.Tensor,
        item_id: tf.Tensor,
        timestamp: tf.Tensor,
        history_item_id: tf.Tensor,
        history_rating: tf.Tensor,
        history_timestamp: tf.Tensor,
    ) -> Answer:
        """As `predict`, for users with ratings that are part of the request.

        The user's state is computed from the newbie state and the given ratings of earlier steps than the query's. The
        stored state of the user is not used, but the stationary factors are.

        Args:
          user_id, item_id, timestamp: string[N], string[N] and int64[N]; user ids may be unknown or empty.
          history_item_id, history_rating, history_timestamp: string[N, H], float32[N, H] and int64[N, H], in any
            order; empty ids are padding. Ratings that are not finite are ignored.
        """
        user_id, item_id, timestamp, history_item_id, history_rating, history_timestamp = same_rows(
            user_id=user_id,
            item_id=item_id,
            timestamp=timestamp,
            history_item_id=history_item_id,
            history_rating=history_rating,
            history_timestamp=history_timestamp,
        )
        history_item_id, history_rating, history_timestamp = same_widths(
            history_item_id=history_item_id, history_rating=history_rating, history_timestamp=history_timestamp
        )
        met = self.table(Side.ITEM).index(history_item_id)
        given = RequestHistory(met, history_rating, history_timestamp, history_item_id != "")
        user = self.history.vectors(self.table(Side.USER).index(user_id), timestamp, given)
        return self._rating(user, self._vectors(Side.ITEM, item_id, timestamp))

    @tf.function(input_signature=[_USER, _TIME, _K], autograph=False)
    def recommend(self, user_id: tf.Tensor, timestamp: tf.Tensor, k: tf.Tensor) -> Answer:
        """Recommends the best items at a time, without those that the user has rated: [N, min(k, items)].

        Scores are predicted ratings before clipping. If fewer than k items are left for a user, the tail has the empty
        id and the score -inf.
        """
        # Calls the other signature, so that the ranking is traced once.
        return self.recommend_except(user_id, timestamp, k, tf.fill([tf.size(user_id), 0], ""))

    @tf.function(
        input_signature=[_USER, _TIME, _K, tf.TensorSpec(_LISTS, tf.string, features.EXCLUDE)], autograph=False
    )
    def recommend_except(self, user_id: tf.Tensor, timestamp: tf.Tensor, k: tf.Tensor, exclude: tf.Tensor) -> Answer:
        """As `recommend`, without the items string[N, E] of each row; empty and unknown ids are ignored."""
        user_id, timestamp, exclude = same_rows(user_id=user_id, timestamp=timestamp, exclude=exclude)
        (exclude,) = same_widths(exclude=exclude)
        others = self.table(Side.ITEM).index(exclude)
        excluded = tf.concat([self._rated(user_id), kept_cells(others, others > 0)], axis=1)
        width = answer_width(k, tf.size(user_id), tf.size(self.item_ids) - 1)
        step, query = self.table(Side.ITEM).step(timestamp), self._vectors(Side.USER, user_id, timestamp)
        return self._ranked(*self.catalogue.best(query, step, excluded, width))

    @tf.function(
        input_signature=[_USER, _TIME, _K, tf.TensorSpec(_LISTS, tf.string, features.CANDIDATES)], autograph=False
    )
    def recommend_from(self, user_id: tf.Tensor, timestamp: tf.Tensor, k: tf.Tensor, candidates: tf.Tensor) -> Answer:
        """As `recommend`, among the candidates string[N, C] of each row: [N, min(k, C)].

        Empty, repeated and unknown ids and items that the user has rated are ignored.
        """
        user_id, timestamp, candidates = same_rows(user_id=user_id, timestamp=timestamp, candidates=candidates)
        (candidates,) = same_widths(candidates=candidates)
        width = answer_width(k, *tf.unstack(tf.shape(candidates)))
        seen, query = self._rated(user_id), self._vectors(Side.USER, user_id, timestamp)
        step, items = self.table(Side.ITEM).step(timestamp), self.table(Side.ITEM).index(candidates)
        return self._ranked(*self.catalogue.best_of(query, step, items, seen, width))

    def _rated(self, user_id: tf.Tensor) -> tf.RaggedTensor:
        """Looks up indices of the items that users string[N] have rated: int64[N, (n)]."""
        return self.seen.of(self.table(Side.USER).index(user_id), user_id)

    def _vectors(self, side: Side, ids: tf.Tensor, timestamp: tf.Tensor) -> tf.Tensor:
        """Computes the vectors of entities string[N] at times int64[N]: float32[N, d]."""
        table = self.table(side)
        return table.shared_vectors(table.index(ids), table.step(timestamp))

    def _rating(self, user: tf.Tensor, item: tf.Tensor) -> Answer:
        rating = tf.ensure_shape(tf.reduce_sum(user * item, axis=1), [None])
        return {features.RATING: tf.clip_by_value(rating, *self._range)}

    def _ranked(self, item: tf.Tensor, score: tf.Tensor) -> Answer:
        item, score = (tf.ensure_shape(x, [None, None]) for x in (item, score))
        return {features.ITEM_ID: tf.gather(self.item_ids, item), features.SCORE: score}


def export_saved_model(network: RRNSnapshot, path: str | Path, *, compiled: bool = False) -> None:
    """Writes a SavedModel with the signatures of `RRNServing`; `serving_default` takes serialized examples.

    Args:
      network: a trained (`TrainingResult.snapshot`) or updated network with its states.
      path: the SavedModel's directory.
      compiled: whether XLA compiles a part of the recommendations (see `cached_gates`), for which TensorFlow Serving
        needs `--xla_cpu_compilation_enabled=true`. `SavedRRN` sets its own choice after loading.
    """
    with tempfile.TemporaryDirectory() as assets:
        module = RRNServing(network, Path(assets))
        module.compiled.assign(compiled)
        signatures = {
            "serving_default": module.predict_examples,
            "predict": module.predict,
            "predict_from_history": module.predict_from_history,
            "recommend": module.recommend,
            "recommend_except": module.recommend_except,
            "recommend_from": module.recommend_from,
        }
        with for_any_device():
            tf.saved_model.save(module, str(path), signatures=signatures)
    write_card(Path(path), facts_of(network))
    write_warmup(Path(path), typical_requests(network))
    seal(path)
    check_saved_model(path)  # TensorFlow leaves out an asset that is lost before it copies it
