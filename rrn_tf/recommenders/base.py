"""The base class of both recommenders: it manages the model's directory and passes data frames to the library."""

from __future__ import annotations

import abc
import json
import shutil
import tempfile
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_integer

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import Config, load_config
from rrn_tf.console.progress import notebook_listeners
from rrn_tf.features import CANDIDATES, EXCLUDE, ITEM_ID, SCORE, SIMILAR_ITEM_ID, SIMILARITY, USER_ID
from rrn_tf.files import only_writer_of_directory
from rrn_tf.recommenders.frames import Ids, ids_of, rows_among, times_of
from rrn_tf.recommenders.given_data import Data, Format, GivenData, format_of
from rrn_tf.runs.directory import RunPaths, copy_records
from rrn_tf.runs.training_run import train_run
from rrn_tf.runs.update_run import WARNINGS, replace_directory, update_run
from rrn_tf.serving.histories import Histories
from rrn_tf.serving.load import load_saved_model
from rrn_tf.serving.recommend_users import (
    before_last,
    line_of_early,
    recommend_users,
    usable_histories,
    users_of_a_request,
)
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_files import find_saved_model
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.similar_items import most_similar
from rrn_tf.tasks import task_of

if TYPE_CHECKING:
    from typing_extensions import Self

RANK = "rank"
_RECOMMENDED: dict[str, type] = {USER_ID: object, RANK: np.int64, ITEM_ID: object, SCORE: np.float64}
_SIMILAR = (ITEM_ID, RANK, SIMILAR_ITEM_ID, SIMILARITY)


class Recommender(abc.ABC):
    """A model to fit, predict with, update, evaluate and save; see `RRNRecommender` and `CollaborativeRecommender`.

    Args:
      config: a preset's name, a YAML file or a configuration; the default is that of `rrn train`.
      overrides: values of single settings by their path, such as ``{"training.epochs": 3}``.
    """

    columns: ClassVar[tuple[str, ...]]
    what: ClassVar[str]  # singular noun for a row of the data
    preset: ClassVar[str]
    config_kind: ClassVar[type[Any]]

    def __init__(
        self,
        config: str | Path | Config | CollaborativeConfig | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        given: Any = self.preset if config is None else config
        if not isinstance(given, (str, Path, self.config_kind)):
            expected = f"a preset's name, a file or a {self.config_kind.__name__}"
            raise TypeError(f"config: expected {expected}, found {type(given).__name__}")
        settings = [f"{path}={json.dumps(value)}" for path, value in (overrides or {}).items()]
        self.config = load_config(given, settings, self.config_kind)
        self._saved: SavedRRN | SavedCollaborativeRNN | None = None
        self._root = Path()
        self._drop_former: Callable[[], object] = _nothing

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {f'model in {self._root}' if self._saved else 'not fitted'}>"

    @property
    def saved(self) -> Any:
        """The saved model that makes the predictions, `SavedRRN` or `SavedCollaborativeRNN`.

        Raises:
          ValueError: if the recommender is not fitted yet.
        """
        if self._saved is None:
            raise ValueError(f"expected a fitted {type(self).__name__}, found none: call fit, or rrn_tf.load(path)")
        return self._saved

    @property
    def path(self) -> Path:
        """The run directory, or the directory that the model was loaded from."""
        return self._root if self.saved is not None else Path()

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of `metrics.json`, written by training; empty if that file is missing beside the model."""
        file = RunPaths(self.path).metrics
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def fit(self, data: Data, *, valid: Data | None = None, output: str | Path | None = None, **options: Any) -> Self:
        """Trains as `rrn train` does, and writes the same run directory.

        Args:
          data: a data frame, or a value of `rrn train --data`: a path, a pattern, ``movielens-small`` or generated data
            such as ``synthetic``. The setting ``data.format`` says how files are read, where it is not recognised.
          valid: likewise, later rows for validation; all of `data` is then for training. By default `data` is split by
            the settings in `config.data`.
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
            train_run(source.pattern, root, self.config, valid=later, best_error=best_error, **options)
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
          score: the expected rating before it is clipped, or the probability of the next item.

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
        return pd.concat(parts, ignore_index=True)

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
          and similarity.

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
        return pd.DataFrame(dict(zip(_SIMILAR, columns, strict=True)))

    def save(self, path: str | Path) -> Path:
        """Writes the model, for `rrn_tf.load` and `rrn`, as ``model`` in a directory, with the records of its training.

        Args:
          path: the directory; a model in it is replaced.

        Returns:
          The directory.
        """
        target, model = RunPaths(Path(path)), find_saved_model(self.path)
        with only_writer_of_directory(target.root):
            replace_directory(target.model, partial(_copy_folder, model))
            copy_records(RunPaths(self.path), target)
        return target.root

    def adopt(self, root: str | Path, saved: SavedRRN | SavedCollaborativeRNN | None = None) -> Self:
        """Uses the model of this kind in a directory from now on; `saved` is that model if it is loaded already."""
        self._root, self._saved = Path(root), saved or load_saved_model(root)
        if (file := RunPaths(self._root).config).exists():
            self.config = load_config(file, kind=self.config_kind)
        return self

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

    @contextmanager
    def _directory(self, output: str | Path | None) -> Iterator[Path]:
        """Yields a directory for a model; by default a temporary one, deleted with the next one or with this object."""
        if output is not None:
            yield Path(output)
            return
        root = tempfile.mkdtemp(prefix="rrn-model-")
        drop = weakref.finalize(self, shutil.rmtree, root, ignore_errors=True)
        try:
            yield Path(root)
        except BaseException:
            drop()
            raise
        self._drop_former()
        self._drop_former = drop


def _empty(kinds: Mapping[str, type]) -> pd.DataFrame:
    return pd.DataFrame({name: np.empty(0, kind) for name, kind in kinds.items()})


def _nothing() -> None:
    """Removes nothing: the clean-up of a model that is not in a temporary directory."""


def _copy_folder(source: Path, target: Path) -> None:
    shutil.copytree(source, target)
