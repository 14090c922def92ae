"""The base class of both recommenders: it passes data frames to the library."""

from __future__ import annotations

import abc
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_integer

from rrn_tf.console.progress import notebook_listeners
from rrn_tf.data.items import SIMILAR_TITLE, TITLE
from rrn_tf.features import CANDIDATES, EXCLUDE, ITEM_ID, SCORE, SIMILAR_ITEM_ID, SIMILARITY, USER_ID
from rrn_tf.files import only_writer_of_directory
from rrn_tf.recommenders.frames import Ids, ids_of, rows_among, times_of
from rrn_tf.recommenders.given_data import Data, Format, GivenData, format_of
from rrn_tf.recommenders.model_directory import WithModel
from rrn_tf.runs.directory import RunPaths, copy_records
from rrn_tf.runs.training_run import train_run
from rrn_tf.runs.update_run import WARNINGS, update_run
from rrn_tf.serving.histories import Histories
from rrn_tf.serving.recommend_users import (
    before_last,
    line_of_early,
    recommend_users,
    usable_histories,
    users_of_a_request,
)
from rrn_tf.serving.similar_items import most_similar
from rrn_tf.tasks import task_of

if TYPE_CHECKING:
    from typing_extensions import Self

RANK = "rank"
_RECOMMENDED: dict[str, type] = {USER_ID: object, RANK: np.int64, ITEM_ID: object, SCORE: np.float64}
_SIMILAR = (ITEM_ID, RANK, SIMILAR_ITEM_ID, SIMILARITY)


class Recommender(WithModel):
    """A model to fit, predict with, update, evaluate and save; see `RRNRecommender` and `CollaborativeRecommender`.

    Args:
      config: a preset's name, a YAML file or a configuration; the default is that of `rrn train`.
      overrides: values of single settings by their path, such as ``{"training.epochs": 3}``.
    """

    def fit(
        self,
        data: Data,
        *,
        valid: Data | None = None,
        items: Data | None = None,
        output: str | Path | None = None,
        **options: Any,
    ) -> Self:
        """Trains as `rrn train` does, and writes the same run directory.

        Args:
          data: a data frame, or a value of `rrn train --data`: a path, a pattern, ``movielens-small`` or generated data
            such as ``synthetic``. The setting ``data.format`` says how files are read, where it is not recognised.
          valid: likewise, later rows for validation; all of `data` is then for training. By default `data` is split by
            the settings in `config.data`.
          items: a data frame or a file of titles and other attributes of items (`rrn_tf.data.items.read_items`), which
            are kept with the model and shown with its recommendations.
          output: the run directory; by default a temporary one, deleted with this object.
          options: passed on to `rrn_tf.runs`: ``listeners`` of the training's progress (a notebook shows it by
            default), ``resume``, ``strategy``, ``beam_args``, ``on_prepared``.

        Returns:
          This recommender, with the trained model.

        Raises:
          TypeError: for a frame whose columns are of the wrong types.
          ValueError: for data that cannot be used.
        """
        with (
            self._directory(output) as root,
            only_writer_of_directory(root),
            notebook_listeners() as listeners,
        ):
            options.setdefault("listeners", listeners)
            later = None if valid is None else self._given.source(valid, root, "valid").pattern
            source = self._given.source(data, root, f"{self.what}s")
            best_error = task_of(self.config).best_error(source)
            about = self._given.items(source.items if items is None else items, root)
            train_run(source.pattern, root, self.config, valid=later, best_error=best_error, items=about, **options)
            self.adopt(root)
        return self

    def update(
        self, data: Data, *, output: str | Path | None = None, data_format: Format | None = None
    ) -> dict[str, Any]:
        """Updates the model's states by new rows as `rrn update` does, without retraining.

        The files of the former model stay unchanged; this recommender then uses the updated one.

        Args:
          data: a data frame, or the path of CSV or Parquet files; rows that the states already include are skipped.
          output: the directory of the updated model; by default a temporary one, deleted with this object.
          data_format: how files are read, where it is not recognised, as in ``{"columns": {"user_id": "who"}}``.

        Returns:
          The content of `update.json`: the figures of the update. What is probably a mistake is warned of: times in the
          future, and ratings of another scale.

        Raises:
          TypeError: for a frame whose columns are of the wrong types.
          ValueError: for data that cannot be used.
        """
        former, said = RunPaths(self.path), format_of(data, data_format)
        with self._directory(output) as root, self._given.file(data, ".parquet") as file:
            figures = update_run(former.root, file, root, data_format=said)
            copy_records(former, RunPaths(root))
            self.adopt(root)
        for line in figures[WARNINGS]:
            warnings.warn(line, stacklevel=2)
        return figures

    def recommend(
        self,
        users: Ids,
        *,
        at: Any = None,
        k: int = 10,
        exclude: Ids = (),
        candidates: Ids | None = None,
        new_only: bool = False,
        history: Data | None = None,
        data_format: Format | None = None,
    ) -> pd.DataFrame:
        """Recommends the best items to many users at once.

        Args:
          users: ids; unknown users without a history are treated as newbies.
          at: the time to recommend for, one for all users or one for each: unix seconds, ISO dates or Timestamps. By
            default after all data that the states include.
          k: number of items per user.
          exclude: items to leave out for all users.
          candidates: the only items to recommend; all by default.
          new_only: for a model of events, leave out items of the user's history; rated items are always left out.
          history: a data frame or a file of ratings or events of some of the users, which may be unknown to the model.
            Ratings are the whole history of their user, in place of what the model has stored; events follow those that
            the model has stored. Items of a history of ratings are left out.
          data_format: how a file of histories is read, as in `update`.

        Returns:
          A row for each recommended item, best first within each user: user_id and item_id as text, rank from 1, and
          score: the expected rating before it is clipped, or the probability of the next item. With titles of items
          (see `fit`) there is a column title after item_id.

        Raises:
          TypeError, ValueError: for invalid ids, times or `k`, and for times given to a model of events that uses only
            their order.
        """
        if not is_integer(k) or k < 1:
            raise ValueError(f"k: expected a whole number of at least 1, found {k!r}")
        user_id, without = ids_of(users, USER_ID), list(ids_of(exclude, EXCLUDE))
        of = None if candidates is None else list(ids_of(candidates, CANDIDATES))
        time = None if at is None else times_of(at, len(user_id))
        saved, count = self.saved, len(user_id)
        histories = None if history is None else self.histories(history, data_format)[0]
        timed, times = np.full(count, time is not None), np.zeros(count, np.int64) if time is None else time
        step = users_of_a_request(saved, int(k), without, of)
        for line in line_of_early(saved, before_last(saved, user_id, times, timed)):
            warnings.warn(line, stacklevel=2)
        parts = [_empty(_RECOMMENDED)]
        for begin in range(0, count, step):
            part = slice(begin, begin + step)
            found = recommend_users(
                saved,
                user_id[part],
                times[part],
                timed[part],
                int(k),
                exclude=without,
                candidates=of,
                new_only=new_only,
                histories=histories,
            )
            row, column = np.nonzero(found.value > -np.inf)
            columns = (user_id[part][row], column + 1, found.item[row, column], found.value[row, column])
            parts.append(pd.DataFrame(dict(zip(_RECOMMENDED, columns, strict=True))))
        return self._titled(pd.concat(parts, ignore_index=True), ITEM_ID, TITLE)

    def histories(self, data: Data, data_format: Format | None = None) -> tuple[Histories, list[str]]:
        """Reads what `recommend` takes as ``history``; also returns lines about rows of a file that cannot be used.

        Raises:
          TypeError, ValueError: for data that cannot be used.
        """
        given, messages = self._given.histories(data, data_format)
        return usable_histories(self.saved, given), messages

    def similar(self, items: Ids | None = None, *, at: Any = None, k: int = 10) -> pd.DataFrame:
        """Finds the items that are most like given ones.

        Two items are as similar as the cosine of the angle between their vectors is large: 1 for items that the model
        treats alike, 0 for unrelated ones, negative for opposite ones. Vectors of a model of ratings are the items'
        states and factors at a time, each part weighed as in a rating, without the items' biases. Those of a model of
        events are its items' weights in the softmax.

        Args:
          items: ids; by default all items.
          at: as of when, for a model of ratings: one time; by default after the last rating that the states include.
          k: number of similar items for each.

        Returns:
          A row for each similar item, best first within each item: item_id and similar_item_id as text, rank from 1,
          and similarity. With titles of items (see `fit`) there are columns title and similar_title too.

        Raises:
          TypeError, ValueError: for invalid ids, times or `k`, an item that the model does not know, and a time given
            to a model of events.
        """
        if not is_integer(k) or k < 1:
            raise ValueError(f"k: expected a whole number of at least 1, found {k!r}")
        catalogue = self.item_ids
        ids = catalogue if items is None else ids_of(items, ITEM_ID)
        row = rows_among(catalogue, ids) - 1
        if (row < 0).any():
            raise ValueError(f"items: expected items that the model knows, found {ids[np.argmin(row)]!r}")
        place, similarity = most_similar(self._item_vectors(at), row, int(k))
        each, rank = np.indices(place.shape)
        columns = (ids[each.ravel()], rank.ravel() + 1, catalogue[place.ravel()], similarity.ravel())
        found = self._titled(pd.DataFrame(dict(zip(_SIMILAR, columns, strict=True))), ITEM_ID, TITLE)
        return self._titled(found, SIMILAR_ITEM_ID, SIMILAR_TITLE)

    def _titled(self, frame: pd.DataFrame, of: str, name: str) -> pd.DataFrame:
        """Returns a frame with a column of titles after the column `of` of items, if any items have titles."""
        if known := self.titles:
            found = frame[of].map(known).astype(object)
            frame.insert(frame.columns.get_loc(of) + 1, name, found.where(found.notna(), None))
        return frame

    @property
    def _given(self) -> GivenData:
        return GivenData(self.columns, self.what)

    @property
    @abc.abstractmethod
    def user_ids(self) -> npt.NDArray[np.object_]:
        """The ids of all users that the model knows, in order of their indices."""

    @property
    @abc.abstractmethod
    def item_ids(self) -> npt.NDArray[np.object_]:
        """The ids of all items that the model knows, in order of their indices."""

    @abc.abstractmethod
    def states(self, users: Ids | None = None, items: Ids | None = None, *, at: Any = None) -> pd.DataFrame:
        """Returns the states of users or items at a time, as vectors."""

    @abc.abstractmethod
    def _item_vectors(self, at: Any) -> npt.NDArray[np.float32]:
        """Returns what `similar` compares: float32[items, d]."""


def _empty(kinds: Mapping[str, type]) -> pd.DataFrame:
    return pd.DataFrame({name: np.empty(0, kind) for name, kind in kinds.items()})
