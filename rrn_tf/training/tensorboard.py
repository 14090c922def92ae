"""Logs for TensorBoard: scalars, histograms, and vectors of items for its embedding projector.

The package TensorBoard is needed to show them, not to write them: TensorFlow 2.21 does not bring it any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from rrn_tf.features import ITEM_ID
from rrn_tf.training.listeners import Listener, Record

MOST_ITEMS = 2_000  # that have a vector in the projector, which is slow with more
VECTORS_FILE, LABELS_FILE, PROJECTOR_FILE = "items_vectors.tsv", "items_metadata.tsv", "projector_config.pbtxt"
_BINS = 30


def _metadata(plugin: str, data_class: str) -> Any:
    """Returns what `tf.summary.scalar` and others of TensorBoard say of a value."""
    plugin_data = tf.compat.v1.SummaryMetadata.PluginData(plugin_name=plugin)
    return tf.compat.v1.SummaryMetadata(plugin_data=plugin_data, data_class=data_class)


_SCALAR = _metadata("scalars", "DATA_CLASS_SCALAR")
_HISTOGRAM = _metadata("histograms", "DATA_CLASS_TENSOR")


class TensorBoard(Listener):
    """A listener that writes each epoch's figures as scalars."""

    def __init__(self, directory: Path) -> None:
        self._writer = tf.summary.create_file_writer(str(directory))

    def on_figures(self, epoch: int, figures: Mapping[str, float]) -> None:
        with self._writer.as_default(step=epoch):
            _write_scalars(figures)

    def on_epoch(self, record: Record) -> None:
        figures = {name: value for name, value in record.as_dict().items() if name not in ("epoch", "best")}
        self.on_figures(record.epoch, figures)
        self._writer.flush()


class TrainedStates(NamedTuple):
    """What a trained model knows of users and items.

    Attributes:
      tables: float[E, d] each, such as states and factors of all users, by name.
      item_ids: object[N], ids of the items with most training data.
      counts: int[N], how many ratings or events of training each has.
      vectors: float32[N, w], their vectors at the cutoff, of which like ones point in like directions.
    """

    tables: dict[str, npt.NDArray[np.floating]]
    item_ids: npt.NDArray[np.object_]
    counts: npt.NDArray[np.integer]
    vectors: npt.NDArray[np.float32]


def write_trained(
    directory: Path, epoch: int, figures: Mapping[str, Any], states: TrainedStates, titles: Mapping[str, str]
) -> None:
    """Writes a trained model's figures as scalars, its states as histograms, and its items for the projector.

    Args:
      directory: the directory of the logs.
      epoch: the epoch of the weights.
      figures: by split and protocol, such as ``{"test": {"frozen": {"rmse": 0.9}}}``; what is no number is left out.
      states: the states.
      titles: titles by the item's id, for those that have one.
    """
    with _written(directory, epoch):
        _write_scalars(_flat(figures))
        for name, table in states.tables.items():
            _write_histogram(name, table)
    _write_projector(directory, states, titles)


@contextmanager
def _written(directory: Path, epoch: int) -> Iterator[None]:
    writer = tf.summary.create_file_writer(str(directory))
    with writer.as_default(step=epoch):
        yield
    writer.close()


def _write_scalars(figures: Mapping[str, float]) -> None:
    for name, value in figures.items():
        tf.summary.write(name, tf.constant(value, tf.float32), metadata=_SCALAR)


def _write_histogram(name: str, table: npt.NDArray[np.floating]) -> None:
    if table.size:
        counts, edges = np.histogram(table, _BINS)
        bins = np.stack([edges[:-1], edges[1:], counts], axis=1)
        tf.summary.write(name, tf.constant(bins, tf.float64), metadata=_HISTOGRAM)


def _flat(figures: Mapping[str, Any]) -> dict[str, float]:
    """Returns the numbers by split, protocol and name, such as ``test/frozen/rmse``."""
    return {
        f"{split}/{protocol}/{name}": value
        for split, by_protocol in figures.items()
        if isinstance(by_protocol, Mapping)
        for protocol, of in by_protocol.items()
        if isinstance(of, Mapping)
        for name, value in of.items()
        if isinstance(value, int | float)
    }


def _write_projector(directory: Path, states: TrainedStates, titles: Mapping[str, str]) -> None:
    labels = pd.DataFrame({ITEM_ID: states.item_ids, "training": states.counts})
    if titles:
        # The projector shows the first column that has text.
        labels.insert(0, "title", [titles.get(str(item), str(item)) for item in states.item_ids])
    directory.mkdir(parents=True, exist_ok=True)
    # It splits lines at every tab and line end, and knows no quotes.
    labels = labels.replace(r"[\t\r\n]+", " ", regex=True)
    rows = ("\t".join(map(str, row)) for row in labels.itertuples(index=False))
    (directory / LABELS_FILE).write_text("\n".join(["\t".join(labels.columns), *rows]) + "\n", encoding="utf-8")
    np.savetxt(directory / VECTORS_FILE, states.vectors, fmt="%.5g", delimiter="\t")
    (directory / PROJECTOR_FILE).write_text(
        "embeddings {\n"
        '  tensor_name: "items"\n'
        f'  tensor_path: "{VECTORS_FILE}"\n'
        f'  metadata_path: "{LABELS_FILE}"\n'
        "}\n"
    )
