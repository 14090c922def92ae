"""The directory of a recommender's model: settings, the saved model, and the records of its training."""

from __future__ import annotations

import abc
import json
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import Config, load_config
from rrn_tf.data.items import items_of, titles
from rrn_tf.files import only_writer_of_directory
from rrn_tf.runs.directory import RunPaths, copy_records
from rrn_tf.runs.update_run import replace_directory
from rrn_tf.serving.load import load_saved_model
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_files import find_saved_model
from rrn_tf.serving.saved_rrn import SavedRRN

if TYPE_CHECKING:
    from typing_extensions import Self


class WithModel(abc.ABC):
    """An object with a saved model in a directory, which `save` copies and `adopt` replaces.

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
        self._items: pd.DataFrame | None = None
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

    @property
    def items(self) -> pd.DataFrame | None:
        """Titles and other attributes of items (see `rrn_tf.data.items.read_items`); None if there are none."""
        return self._items

    @property
    def titles(self) -> dict[str, str]:
        """Titles by item, of items that have one."""
        return titles(self._items)

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
        self._root, self._saved, self._items = Path(root), saved or load_saved_model(root), items_of(root)
        if (file := RunPaths(self._root).config).exists():
            self.config = load_config(file, kind=self.config_kind)
        return self

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


def _nothing() -> None:
    """Removes nothing: the clean-up of a model that is not in a temporary directory."""


def _copy_folder(source: Path, target: Path) -> None:
    shutil.copytree(source, target)
