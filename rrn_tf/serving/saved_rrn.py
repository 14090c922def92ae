"""Loads a saved RRN in Python to predict and recommend, without training code."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from rrn_tf import features
from rrn_tf.columns import check_lengths, text_ids, unix_seconds
from rrn_tf.config import RENAMED_MODEL_SETTINGS
from rrn_tf.data.metadata import SequenceMetadata
from rrn_tf.factors.beliefs import Beliefs, FactorScale
from rrn_tf.models.rrn import RRN, PartWeights, UserWeights
from rrn_tf.quiet import quiet_xla
from rrn_tf.serving.saved_files import RECOMMEND, loaded_module
from rrn_tf.states.entity_states import EntityStates, variables_by_entity, variables_of_pending_seconds
from rrn_tf.states.snapshot import HeldOutRatings, LaterRatings, RatedItems, RRNSnapshot
from rrn_tf.version import __version__

if TYPE_CHECKING:
    from rrn_tf.serving.recommend_history import HistoryRanking

_BATCH = 1 << 18  # pairs of one call, which computes a repeated user or item once


class SavedRRN:
    """A saved RRN that predicts and recommends in batches.

    Ids are text or whole numbers; times are unix seconds, ISO dates, datetime64 or Timestamps, in UTC if they have no
    time zone (see `rrn_tf.columns`). Other types raise a TypeError.

    Args:
      model: a path (see `rrn_tf.serving.saved_files.find_saved_model`), or the module that TensorFlow loaded from it.
      compiled: whether XLA compiles a part of the recommendations, which is faster from the second call on.

    Example:
      >>> model = SavedRRN("runs/a")
      >>> model.predict(["42"], ["7"], [1_700_000_000]).shape
      (1,)
    """

    def __init__(self, model: str | Path | Any, *, compiled: bool = True) -> None:
        self._module = loaded_module(model, RECOMMEND)
        switch = getattr(self._module, "compiled", None)
        self._compiled = compiled and switch is not None
        if switch is not None:
            switch.assign(compiled)

    def load_model(self) -> RRNSnapshot:
        """Loads the network and its states, which new ratings can then update.

        Raises:
          ValueError: for a model that an earlier version of this package saved without the states this needs.
        """
        if not hasattr(self._module, "until") or not hasattr(self._module.user.states, "last_times"):
            raise ValueError("expected a model that can be updated, found one of an earlier version: train it again")
        about = json.loads(self._module.about.numpy())
        try:
            model = RRN(**_present_names(about["model"]))
        except TypeError as error:
            saved_by, now = about.get("version", "another version"), __version__
            raise ValueError(
                f"expected a model of rrn_tf {now}, found one of {saved_by} with other settings"
            ) from error
        model.set_part_weights(UserWeights(*(PartWeights(*weights) for weights in about["part_weights"])))
        model.set_factors(*self._factors(model, FactorScale(*about["factor_scale"])))
        states = {}
        for side in features.SIDES:
            table = getattr(self._module, side.value)
            for target, source in zip(model.network_variables(side), table.network, strict=True):
                target.assign(source)
            # Entities that were new after training have no stationary factors.
            factors = model.factors(side).table
            factors.assign(table.stationary[: factors.shape[0]])
            states[side] = EntityStates.like(model, side, table.stationary.shape[0] - 1)
            for variables in (variables_by_entity, variables_of_pending_seconds):
                for target, source in zip(variables(states[side]), variables(table.states), strict=True):
                    target.assign(source)
        seen = self._module.seen
        splits = seen.later_splits.numpy()
        return RRNSnapshot(
            model,
            states,
            SequenceMetadata.from_json(about["metadata"]),
            ids={side: self.ids(side) for side in features.SIDES},
            rated=RatedItems(seen.splits.numpy(), seen.items.numpy()),
            later=LaterRatings(
                user=np.repeat(np.arange(len(splits) - 1, dtype=np.int32), np.diff(splits)),
                item=seen.later_items.numpy().astype(np.int32),
                timestamp=seen.later_timestamps.numpy(),
            ),
            until=self.until,
            since=about["since"],
            metrics=about["metrics"],
            held_out=_held_out(seen),
        )

    def _factors(
        self, model: RRN, scale: FactorScale
    ) -> tuple[dict[features.Side, Beliefs], dict[features.Side, npt.NDArray[np.float32]], FactorScale]:
        """Loads the Bayesian part, with beliefs about entities with training ratings as of the last update."""
        beliefs, set_vectors = {}, {}
        for side in features.SIDES:
            table = getattr(self._module, side.value)
            known = len(model.trained_beliefs(side).mean)
            beliefs[side] = Beliefs.at_rest(*(column.numpy()[:known] for column in table.states.believed))
            set_vectors[side] = table.set_vectors.numpy()
        return beliefs, set_vectors, scale

    @functools.cached_property
    def from_histories(self) -> HistoryRanking:
        """Ranks items for users whose ratings come with the request; made at the first access, which takes seconds."""
        from rrn_tf.serving.recommend_history import HistoryRanking

        return HistoryRanking(self)

    def ids(self, side: features.Side) -> npt.NDArray[np.object_]:
        """Returns the ids of a side's entities with a state, in order of their indices (from 1)."""
        vocabulary = self._module.user_ids if side is features.Side.USER else self._module.item_ids
        return np.array([name.decode() for name in vocabulary.numpy()[1:]], dtype=object)

    @property
    def metadata(self) -> SequenceMetadata:
        """Metadata of the training data."""
        return SequenceMetadata.from_json(json.loads(self._module.about.numpy())["metadata"])

    @property
    def cutoff(self) -> int:
        """Unix seconds of the cutoff, which is after all training ratings."""
        return int(self._module.cutoff.numpy())

    @property
    def until(self) -> int:
        """Unix seconds after all ratings that the states include, except future ones; without updates, the cutoff."""
        # Models of earlier versions could not be updated.
        return int(getattr(self._module, "until", self._module.cutoff).numpy())

    @property
    def num_parameters(self) -> int:
        """Number of trained values: both networks, stationary factors, and the Bayesian part's means."""
        about = _present_names(json.loads(self._module.about.numpy())["model"])
        tables = [getattr(self._module, side.value) for side in features.SIDES]
        network = sum(int(tf.size(values)) for table in tables for values in table.network)
        factors = about["bayesian_factors"]
        bayesian = 2 * (factors + 1) if factors else 0  # factors with a bias, and a set vector for the opposite side
        return network + (about["num_users"] + about["num_items"] + 2) * (about["stationary"] + bayesian)

    def known(self, side: features.Side, ids: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Returns whether the model has ratings of each id of a side: bool[N]."""
        return pd.Series(text_ids(ids, side.id_feature, empty=True)).isin(self.ids(side)).to_numpy()

    def predict(
        self, user_id: npt.ArrayLike, item_id: npt.ArrayLike, timestamp: npt.ArrayLike
    ) -> npt.NDArray[np.float32]:
        """Predicts ratings float32[N] of N users and items, each pair at a time.

        Args:
          user_id, item_id: N ids; unknown and empty ones are newbies.
          timestamp: N times.

        Raises:
          TypeError: for ids or times of other types.
          ValueError: for missing ids or times, times that cannot be read, or another number of one than of the other.
        """
        users, items = text_ids(user_id, features.USER_ID, empty=True), text_ids(item_id, features.ITEM_ID, empty=True)
        times = unix_seconds(timestamp, features.TIMESTAMP)
        check_lengths(**{features.USER_ID: users, features.ITEM_ID: items, features.TIMESTAMP: times})
        signature = self._module.signatures["predict"]
        parts = [np.zeros(0, np.float32)]
        for begin in range(0, len(times), _BATCH):
            part = slice(begin, begin + _BATCH)
            answer = signature(
                **{
                    features.USER_ID: tf.constant(users[part], tf.string),
                    features.ITEM_ID: tf.constant(items[part], tf.string),
                    features.TIMESTAMP: tf.constant(times[part], tf.int64),
                }
            )
            parts.append(answer[features.RATING].numpy())
        return np.concatenate(parts)

    def recommend(self, user_id: str | int, timestamp: Any, k: int) -> list[tuple[str, float]]:
        """Recommends the best `k` items to a user at a time, with scores, without items that the user has rated."""
        names, scores = (rows[0] for rows in self.recommend_many([user_id], [timestamp], k))
        return [(name, float(score)) for name, score in zip(names, scores, strict=True) if np.isfinite(score)]

    def recommend_many(
        self,
        user_id: npt.ArrayLike,
        timestamp: npt.ArrayLike,
        k: int,
        *,
        exclude: Iterable[str | int] = (),
        candidates: Iterable[str | int] | None = None,
    ) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float32]]:
        """As `recommend`, for N users: items object[N, k] and scores float32[N, k], -inf if no item is left.

        Args:
          user_id, timestamp: N ids of users, and N times.
          k: number of items.
          exclude: items to leave out for all users, beside those that each user has rated.
          candidates: the only items to recommend; all by default.
        """
        if self._compiled:
            quiet_xla()
        names, times = text_ids(user_id, features.USER_ID, empty=True), unix_seconds(timestamp, features.TIMESTAMP)
        check_lengths(**{features.USER_ID: names, features.TIMESTAMP: times})
        users = tf.constant(names, tf.string)
        request = {
            features.USER_ID: users,
            features.TIMESTAMP: tf.constant(times, tf.int64),
            "k": tf.constant(min(max(k, 0), tf.int32.max), tf.int32),
        }
        signature, without = "recommend", text_ids(exclude, features.EXCLUDE, empty=True)
        if candidates is not None:
            left = pd.Index(text_ids(candidates, features.CANDIDATES, empty=True)).difference(pd.Index(without))
            signature, request[features.CANDIDATES] = "recommend_from", for_everybody(left, users)
        elif len(without):
            signature, request[features.EXCLUDE] = "recommend_except", for_everybody(without, users)
        answer = self._module.signatures[signature](**request)
        return texts(answer[features.ITEM_ID]), answer[features.SCORE].numpy()


def for_everybody(items: Iterable[str], users: tf.Tensor) -> tf.Tensor:
    """The same items for each of N users: string[N, items]."""
    every = list(items)
    return tf.repeat(tf.constant([every], tf.string, [1, len(every)]), tf.size(users), axis=0)


def _held_out(seen: Any) -> HeldOutRatings:
    """Loads the validation and test ratings from the module of `SeenItems`; models of earlier versions have none."""
    if not hasattr(seen, "held_out_users"):
        return HeldOutRatings.none()
    users, items = texts(seen.held_out_users[1:]), texts(seen.held_out_item_ids)
    return HeldOutRatings(users, seen.held_out_splits.numpy()[1:], seen.held_out_items.numpy(), items)


def _present_names(settings: dict[str, Any]) -> dict[str, Any]:
    """Converts settings of a network that an earlier version may have saved to their current names."""
    present = dict(settings)
    for old, new, meanings in RENAMED_MODEL_SETTINGS:
        if old in present:
            value = present.pop(old)
            present[new] = meanings.get(value, value) if isinstance(value, str) else value
    return present


def texts(strings: tf.Tensor) -> npt.NDArray[np.object_]:
    """Decodes a tensor of strings, of any shape, to Python strings."""
    # Without rows, decoding would leave a single dimension.
    return np.char.decode(strings.numpy().astype(bytes), "utf-8").astype(object).reshape(strings.shape)
