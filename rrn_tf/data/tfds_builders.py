"""Builders of TensorFlow Datasets for the data sets of the papers; importing this module registers them.

`rrn train --data tfds:NAME` reads the original files themselves, which is far faster. These builders are for whoever
wants a `tf.data.Dataset`: `tfds.load("brightkite_checkins")`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from rrn_tf.data.paper_sets import SETS, PaperSet
from rrn_tf.data.paper_source import PaperFiles, files_in, rows_of
from rrn_tf.data.source import DataSourceError
from rrn_tf.features import COLUMNS, EVENT_COLUMNS, RATING, TIMESTAMP


class PaperBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Builds a data set of the papers, a configuration for each of its parts."""

    VERSION = tfds.core.Version("1.0.0")
    of: ClassVar[PaperSet]

    def __init_subclass__(cls, *, of: str, **options: Any) -> None:
        cls.of = SETS[of]
        cls.name = of
        cls.BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=part.name, description=part.told) for part in cls.of.parts]
        if not cls.of.urls:
            cls.MANUAL_DOWNLOAD_INSTRUCTIONS = f"Fetch and unpack {cls.of.instructions}."
        super().__init_subclass__(**options)

    def _info(self) -> tfds.core.DatasetInfo:
        kinds = {RATING: np.float32, TIMESTAMP: np.int64}
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"{self.of.told}: {self.of.by_name[self.builder_config.name].told}.",
            features=tfds.features.FeaturesDict({name: kinds.get(name, np.str_) for name in self._columns}),
            homepage=self.of.homepage,
            citation=self.of.citation,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        return {"train": self._generate_examples(files_by(dl_manager, self.of).rows)}

    def _generate_examples(self, pattern: str) -> Iterator[tuple[int, dict[str, Any]]]:
        batches = rows_of(pattern, self.of.by_name[self.builder_config.name], self._columns)
        # One example at a time is what TensorFlow Datasets takes.
        yield from enumerate(row for batch in batches for row in batch.to_pylist())

    @property
    def _columns(self) -> tuple[str, ...]:
        return COLUMNS if self.of.rated else EVENT_COLUMNS


def files_by(manager: tfds.download.DownloadManager, of: PaperSet) -> PaperFiles:
    """Returns the files of a data set: those that were fetched by hand or, if there is a URL, downloaded ones."""
    if not of.urls:
        files = files_in(Path(manager.manual_dir), of)
        if files is None:
            raise DataSourceError(f"{manager.manual_dir}: expected {of.instructions}, found none")
        return files
    fetch = manager.download_and_extract if of.inside else manager.download
    rows, *items = (str(path) for path in fetch(list(of.urls)))
    return PaperFiles(f"{rows}/{of.inside}" if of.inside else rows, items[0] if items else None)


class NetflixPrize(PaperBuilder, of="netflix_prize"):
    """The Netflix Prize, whose files nobody may offer for download."""


class MovieTweetings(PaperBuilder, of="movie_tweetings"):
    """MovieTweetings."""


class BrightkiteCheckins(PaperBuilder, of="brightkite_checkins"):
    """Brightkite's check-ins."""


class Lastfm1k(PaperBuilder, of="lastfm_1k"):
    """LastFM-1K."""
