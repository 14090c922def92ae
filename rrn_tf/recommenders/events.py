"""The recommender for data frames of events, by a Collaborative RNN or the mixture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import CRNN_PLUS
from rrn_tf.evaluation.event_figures import Measures
from rrn_tf.evaluation.event_protocols import CLEAN, EVENT_PROTOCOLS
from rrn_tf.features import EVENT_COLUMNS, Side
from rrn_tf.recommenders.base import Recommender
from rrn_tf.recommenders.frames import Ids, lengths_of, one_of, rows_among, side_of, states_frame
from rrn_tf.recommenders.given_data import Data
from rrn_tf.serving.event_file import evaluate_event_file
from rrn_tf.serving.query_file import EvaluationOutcome
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.similar_items import item_weights
from rrn_tf.states.event_states import EventNetwork


class CollaborativeRecommender(Recommender):
    """Predicts the next items of users from events, which have no ratings.

    Ids are text or whole numbers, and always text in results; times are unix seconds, ISO dates, datetime64 or
    Timestamps, in UTC if they have no time zone.

    Args:
      config: a preset's name, a YAML file or a `CollaborativeConfig`; by default the preset ``crnn-plus``, as for
        `rrn train --model crnn`. ``"paper-brightkite"`` is the paper's own network.
      overrides: values of single settings by their path, such as ``{"training.epochs": 3}``.

    Attributes:
      config: the model's complete configuration.

    Example:
      >>> import numpy as np, pandas as pd
      >>> draw = np.random.default_rng(0)
      >>> events = pd.DataFrame({
      ...     "user_id": np.repeat(np.arange(12), 30),
      ...     "item_id": draw.integers(9, size=360),
      ...     "timestamp": 1_700_000_000 + 3_600 * np.arange(360),
      ... })
      >>> tiny = {"training.epochs": 1, "model.units": 4, "model.attention": 0, "model.window": 4}
      >>> model = CollaborativeRecommender(overrides=tiny).fit(events)
      >>> model.recommend([7], k=2, exclude=[3])[["user_id", "rank"]].values.tolist()
      [['7', 1], ['7', 2]]
      >>> bool(model.recommend([7], candidates=[3, 5]).score.sum().round(4) == 1)
      True

    Reference:
      Ko, Maystre and Grossglauser, Collaborative Recurrent Neural Networks for Dynamic Recommender Systems, ACML 2016.
    """

    columns, what = EVENT_COLUMNS, "event"
    preset, config_kind = CRNN_PLUS, CollaborativeConfig

    @property
    def model(self) -> EventNetwork:
        """The network with its weights, built anew at each access."""
        return self._events.load_network()

    def evaluate(
        self,
        data: Data,
        *,
        protocol: str = CLEAN,
        measures: Measures | None = None,
        new_only: bool = False,
        top_k: int | Sequence[int] | None = None,
    ) -> EvaluationOutcome:
        """Scores the model on later events as `rrn evaluate` does.

        Args:
          data: a data frame, or the path of a CSV file.
          protocol: ``"clean"`` for all events; ``"interleaved"`` without each user's first.
          measures: the figures to compute; by default all, at 10.
          new_only: whether to score only events with an item new to the user, ranked among such items.
          top_k: in place of `measures`, one or several k of all figures.

        Returns:
          ``metrics``, by split (``test`` of users known from training, ``test_cold`` of others) and protocol: nll, hit,
          ndcg, mrr, n and more; ``slices``; and ``messages`` about events left out.

        Raises:
          TypeError, ValueError: for data that cannot be used.
        """
        one_of("protocol", protocol, EVENT_PROTOCOLS)
        if top_k is not None:
            if measures is not None:
                raise ValueError("top_k: expected one of top_k and measures, found both")
            measures = Measures(ks=lengths_of(top_k))
        return self._given.evaluated(
            data, lambda file: evaluate_event_file(self._events, file, protocol, measures, new_only=new_only)
        )

    def states(self, users: Ids | None = None, items: Ids | None = None, *, at: Any = None) -> pd.DataFrame:
        """Returns the states of users after all of their events, or the vectors of items.

        Args:
          users, items: ids of one side; unknown ones have zeros.
          at: must be None, because these states change with events, not with time.

        Returns:
          A row for each id, which is the index: users' ``state_0``, ... change with their events, ``factor_0``, ... are
          constant. Items' columns are the corresponding weights of the softmax; without a mixture the inner product of
          a user's and an item's row is, up to a constant of the user, the item's log-probability.

        Raises:
          TypeError, ValueError: for invalid ids, and for a time.
        """
        if at is not None:
            raise ValueError(f"at: expected None, since states of events do not move with time, found {at!r}")
        side, ids = side_of(users, items)
        model, units = self.model, self._events.states.shape[1]
        of_users = side is Side.USER
        tables = [self._events.states, model.stationary.table.numpy()] if of_users else [item_weights(model)]
        known = self._events.user_ids if of_users else self._events.item_ids
        row = rows_among(known, ids)
        vectors = np.concatenate([table[row] for table in tables], axis=1) * (row > 0)[:, np.newaxis]
        return states_frame(side, ids, vectors, units)

    @property
    def user_ids(self) -> npt.NDArray[np.object_]:
        """The ids of all users that the model knows, in order of their indices."""
        return self._events.user_ids

    @property
    def item_ids(self) -> npt.NDArray[np.object_]:
        """The ids of all items that the model knows, in order of their indices."""
        return self._events.item_ids

    def _item_vectors(self, at: Any) -> npt.NDArray[np.float32]:
        return self.states(items=self.item_ids, at=at).to_numpy(np.float32)

    @property
    def _events(self) -> SavedCollaborativeRNN:
        saved: SavedCollaborativeRNN = self.saved
        return saved
