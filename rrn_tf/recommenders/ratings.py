"""The recommender for data frames of ratings, by a Recurrent Recommender Network."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.config import RRN_PLUS, Config
from rrn_tf.evaluation.protocols import FROZEN, PROTOCOLS, STREAMING
from rrn_tf.features import COLUMNS, EVENT_COLUMNS, PREDICTION, RATING, Side
from rrn_tf.models.rrn import RRN
from rrn_tf.recommenders.base import Recommender
from rrn_tf.recommenders.frames import Ids, checked, lengths_of, one_of, rows_among, side_of, states_frame, times_of
from rrn_tf.recommenders.given_data import Data
from rrn_tf.serving.query_file import EvaluationOutcome, evaluate_file
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.similar_items import compared_vectors
from rrn_tf.serving.state_tables import StateTable
from rrn_tf.serving.streaming import predict_streaming


class RRNRecommender(Recommender):
    """Learns from ratings how users and items change over time, and predicts future ratings.

    Ids are text or whole numbers, and always text in results; times are unix seconds, ISO dates, datetime64 or
    Timestamps, in UTC if they have no time zone.

    Args:
      config: a preset's name, a YAML file or a `Config`; by default the preset ``rrn-plus``, as for `rrn train`.
      overrides: values of single settings by their path, such as ``{"training.epochs": 3}``.

    Attributes:
      config: the model's complete configuration.

    Example:
      >>> import numpy as np, pandas as pd
      >>> draw = np.random.default_rng(0)
      >>> ratings = pd.DataFrame({
      ...     "user_id": draw.integers(30, size=400),
      ...     "item_id": draw.integers(20, size=400),
      ...     "rating": draw.integers(1, 6, size=400),
      ...     "timestamp": 1_700_000_000 + draw.integers(90 * 86_400, size=400),
      ... })
      >>> tiny = {"training.epochs": 1, "model.units": 4, "model.embedding": 4, "model.ensemble": 1}
      >>> model = RRNRecommender(overrides=tiny).fit(ratings)
      >>> model.predict(ratings[["user_id", "item_id", "timestamp"]]).prediction.between(1, 5).all()
      True
      >>> model.recommend([7, "a stranger"], at="2024-03-01", k=2)[["user_id", "rank"]].values.tolist()
      [['7', 1], ['7', 2], ['a stranger', 1], ['a stranger', 2]]
      >>> model.states(users=[7], at="2024-03-01").filter(like="state_").shape
      (1, 16)

    Reference:
      Wu, Ahmed, Beutel, Smola and Jing, Recurrent Recommender Networks, WSDM 2017.
    """

    columns, what = COLUMNS, RATING
    preset, config_kind = RRN_PLUS, Config

    @property
    def model(self) -> RRN:
        """The network with its weights, built anew at each access."""
        return self._rrn.load_model().model

    def predict(self, frame: pd.DataFrame, *, protocol: str = FROZEN) -> pd.DataFrame:
        """Predicts ratings.

        Args:
          frame: user_id, item_id and timestamp, and for streaming rating; other columns are kept.
          protocol: ``"frozen"`` predicts from the model's states alone; ``"streaming"`` also from the frame's ratings
            of strictly earlier steps, all of which must be at or after the training cutoff.

        Returns:
          The frame with a further column prediction; rows and index are unchanged.

        Raises:
          TypeError: for anything but a data frame, and for columns of other types.
          ValueError: for a missing column, and for invalid values.
        """
        streams = one_of("protocol", protocol, PROTOCOLS) == STREAMING
        rows = checked(frame, COLUMNS if streams else EVENT_COLUMNS)
        asked = {str(name): column.to_numpy() for name, column in rows.items()}
        found = predict_streaming(self._rrn, **asked) if streams else self._rrn.predict(**asked)
        return frame.assign(**{PREDICTION: found})

    def evaluate(
        self,
        data: Data,
        *,
        protocol: str = FROZEN,
        top_k: int | Sequence[int] | None = None,
        relevant_from: float | None = None,
    ) -> EvaluationOutcome:
        """Scores the model on later ratings as `rrn evaluate` does.

        Args:
          data: a data frame, or the path of a CSV file.
          protocol: ``"frozen"`` or ``"streaming"``.
          top_k: one or several lengths of lists of recommended items to score too. There is a list for each user and
            second with relevant ratings: all items that the model knows and the user has not rated before, as of then.
          relevant_from: the least rating that is relevant; by default three quarters of the way from the lowest to the
            highest training rating, which is 4 of 1 to 5.

        Returns:
          ``metrics``, by split (``test`` of users and items known from training, ``test_cold`` of others) and protocol:
          rmse, standard_error, mae and n, and with `top_k` those of `rrn_tf.evaluation.ranking.ranking_figures`;
          ``slices``; and ``messages`` about rows left out.

        Raises:
          TypeError, ValueError: for data that cannot be used.
        """
        one_of("protocol", protocol, PROTOCOLS)
        ks = lengths_of(top_k)
        return self._given.evaluated(
            data, lambda file: evaluate_file(self._rrn, file, protocol, top_k=ks, relevant_from=relevant_from)
        )

    def states(self, users: Ids | None = None, items: Ids | None = None, *, at: Any = None) -> pd.DataFrame:
        """Returns the states of users or items at a time, as vectors.

        The inner product of a user's and an item's row is the predicted rating at that time, before it is clipped.

        Args:
          users, items: ids of one side; unknown ones get the state of newbies.
          at: one time for all or one for each; by default after the last rating that the states include.

        Returns:
          A row for each id, which is the index: ``state_0``, ... change with time and ratings (the projected states of
          Eq. 7, weighted), ``factor_0``, ... do not change with time. With Bayesian factors, the last two columns of an
          item are a one and its bias.

        Raises:
          TypeError, ValueError: for invalid ids or times.
        """
        side, ids = side_of(users, items)
        times = times_of(self._rrn.until if at is None else at, len(ids))
        vectors, model = self._vectors(side, rows_among(self._rrn.ids(side), ids), times)
        return states_frame(side, ids, vectors, model.emission.units)

    @property
    def user_ids(self) -> npt.NDArray[np.object_]:
        """The ids of all users that the model knows, in order of their indices."""
        return self._rrn.ids(Side.USER)

    @property
    def item_ids(self) -> npt.NDArray[np.object_]:
        """The ids of all items that the model knows, in order of their indices."""
        return self._rrn.ids(Side.ITEM)

    def _item_vectors(self, at: Any) -> npt.NDArray[np.float32]:
        count = len(self.item_ids)
        times = times_of([self._rrn.until if at is None else at], 1).repeat(count)
        vectors, model = self._vectors(Side.ITEM, np.arange(1, count + 1), times)
        return compared_vectors(model, vectors)

    def _vectors(
        self, side: Side, entity: npt.NDArray[np.int64], times: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float32], RRN]:
        """Returns the vectors of entities at times, float32[N, d], and the network."""
        snapshot = self._rrn.load_model()
        with tempfile.TemporaryDirectory(prefix="rrn-states-") as folder:
            table = StateTable(side, snapshot, Path(folder, side.vocabulary_file))
        return table.distinct_vectors(entity, table.step(times)).numpy(), snapshot.model

    @property
    def _rrn(self) -> SavedRRN:
        saved: SavedRRN = self.saved
        return saved
