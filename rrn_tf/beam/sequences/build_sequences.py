"""Writes user and item sequences, vocabularies and metadata from batches of split ratings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam import pvalue
from apache_beam.io.filesystems import FileSystems

from rrn_tf.beam.blocks import BlockStore, StoredBlock, loaded
from rrn_tf.beam.keyed import KEYED, typed
from rrn_tf.beam.reading.files import replacing
from rrn_tf.beam.sequences import shards as stages
from rrn_tf.beam.sequences.statistics import CombineStatistics, RatingStatistics, rating_statistics
from rrn_tf.beam.sequences.vocabularies import CombineCounts, IdCounts, count_training, indexed, write_vocabulary
from rrn_tf.config import DataConfig
from rrn_tf.data.metadata import EntityCounts, SequenceMetadata
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.rows import SideRatings
from rrn_tf.data.steps import StepRule
from rrn_tf.features import METADATA_FILE, SIDES, SPLIT_NAMES, Side


class BuildSequences(beam.PTransform):
    """Writes a prepared data set: sequences of both sides, vocabularies and `metadata.json`.

    The bytes of every file depend on the ratings alone, not on their order or bundling.

    Args:
      config: lengths of steps, shards and the explicit cutoff; without one, the cutoff is one second after the last
        training rating.
      output_dir: folder for all files; `metadata.json` is written last.
      folders: folder of each side's sequence files below `output_dir`; none by default.
      rejected: singleton PCollection of the number of rejected rows by reason, for the metadata. Nothing is built
        before it is known.
      store: keeps ratings between stages.

    Input: `pyarrow.RecordBatch`es with user_id, item_id (text, may be dictionary-encoded), rating (float32),
    timestamp (int64) and split (uint8), no two rows of one user, item and timestamp; other columns are ignored.

    Output: a singleton PCollection of `SequenceMetadata`.

    Raises (while running):
      BadInputError: if there is no training rating, or one at or after the cutoff.
    """

    def __init__(
        self,
        config: DataConfig,
        output_dir: str,
        *,
        folders: Mapping[Side, str] | None = None,
        rejected: beam.PCollection | None = None,
        store: BlockStore | None = None,
    ) -> None:
        super().__init__()
        self._config = config
        self._output_dir = str(output_dir)
        self._folders = dict(folders or {})
        self._rejected = rejected
        self._store = store or BlockStore()

    def expand(self, ratings: beam.PCollection) -> beam.PCollection:
        shards, cutoff_given = self._config.shards, self._config.split.cutoff_seconds
        start = ratings.pipeline | "Start" >> beam.Create([None])
        rejected = pvalue.AsSingleton(
            start | "NoneRejected" >> beam.Map(lambda _: {}) if self._rejected is None else self._rejected
        )
        statistics = (
            ratings
            | "Measure" >> beam.Map(rating_statistics)
            | "AddUp" >> beam.CombineGlobally(CombineStatistics())
            | "Check" >> beam.Map(_checked, cutoff_given, rejected)
        )
        cutoff = pvalue.AsSingleton(statistics | "Cutoff" >> beam.Map(_cutoff, cutoff_given))
        users, items = (
            pvalue.AsSingleton(
                ratings
                | f"Count{side.name}" >> beam.Map(count_training, side.id_feature)
                | f"Merge{side.name}" >> beam.CombineGlobally(CombineCounts())
                | f"Index{side.name}" >> beam.Map(indexed)
            )
            for side in SIDES
        )
        user_shards = (
            (
                ratings
                | "Keep" >> beam.Map(self._store.keep)
                | "Code" >> beam.FlatMap(_code, shards, self._store, users, items, cutoff).with_output_types(KEYED),
                start | "EveryUserShard" >> beam.FlatMap(_every_shard, shards).with_output_types(KEYED),
            )
            | "UserParts" >> beam.Flatten()
            | "ToUserShards" >> beam.GroupByKey()
            | "NumberUserRows"
            >> beam.ParDo(stages.NumberUserRows(shards, self._files(Side.USER).rule, self._store), cutoff, items)
            .with_output_types(KEYED)
            .with_outputs(stages.TO_ITEMS, main=stages.OWN_SIDE)
        )
        item_shards = (
            (
                typed(user_shards[stages.TO_ITEMS], "SentToItems"),
                start
                | "EveryItemShard" >> beam.FlatMap(_every_shard, shards)
                | beam.MapTuple(_seen_ratings).with_output_types(KEYED),
            )
            | "ItemParts" >> beam.Flatten()
            | "ToItemShards" >> beam.GroupByKey()
            | "WriteItems"
            >> beam.ParDo(stages.WriteItems(self._files(Side.ITEM), self._store), cutoff, items, users).with_outputs(
                stages.TO_USERS, main=stages.OWN_SIDE
            )
        )
        user_files = (
            {
                stages.OWN_SIDE: user_shards[stages.OWN_SIDE],
                stages.TO_USERS: typed(item_shards[stages.TO_USERS], "SentToUsers"),
            }
            | "BackToUserShards" >> beam.CoGroupByKey()
            | "WriteUsers" >> beam.ParDo(stages.WriteUsers(self._files(Side.USER)), cutoff, users)
        )
        files = (user_files, item_shards[stages.OWN_SIDE]) | "Files" >> beam.Flatten()
        return statistics | "WriteMetadata" >> beam.Map(
            _write_metadata, self._config, self._output_dir, cutoff, users, items, rejected, pvalue.AsList(files)
        )

    def _files(self, side: Side) -> stages.SideFiles:
        folder = FileSystems.join(self._output_dir, *filter(None, [self._folders.get(side)]))
        rule = StepRule(self._config.granularity_seconds(side.value), self._config.steps_per_doubling)
        return stages.SideFiles(side, folder, self._config.shards, rule)


def _checked(statistics: RatingStatistics, cutoff: int | None, _rejected: dict[str, int]) -> RatingStatistics:
    if not statistics.trained:
        others = sum(statistics.by_split)
        raise BadInputError(f"expected training ratings, found none ({others:,} ratings at or after the cutoff)")
    if cutoff is not None and statistics.time_max >= cutoff:
        raise BadInputError(f"expected training ratings before the cutoff {cutoff}, found one at {statistics.time_max}")
    return statistics


def _cutoff(statistics: RatingStatistics, given: int | None) -> int:
    return statistics.time_max + 1 if given is None else given


def _code(
    kept: pa.RecordBatch | StoredBlock, shards: int, store: BlockStore, users: IdCounts, items: IdCounts, _cutoff: int
) -> Iterator[tuple[int, SideRatings | StoredBlock]]:
    """Replaces ids by indices; waits for the cutoff, and so for the checks, before the first shuffle."""
    return ((shard, store.keep(part)) for shard, part in stages.code_batch(loaded(kept), shards, users, items))


def _every_shard(_: None, shards: int) -> Iterator[tuple[int, SideRatings]]:
    """Yields an empty set of ratings for each shard, so that every file is written."""
    return ((shard, SideRatings.empty()) for shard in range(shards))


def _seen_ratings(shard: int, ratings: SideRatings) -> tuple[int, stages.SeenRatings]:
    nothing = np.empty(0, np.int32)
    return shard, stages.SeenRatings(ratings, nothing, nothing)


def _write_metadata(
    statistics: RatingStatistics,
    config: DataConfig,
    directory: str,
    cutoff: int,
    users: IdCounts,
    items: IdCounts,
    rejected: dict[str, int],
    _files: list[str],
) -> SequenceMetadata:
    """Writes the vocabularies and then, since all other files exist by now, the metadata."""
    for side, vocabulary in zip(SIDES, (users, items), strict=True):
        write_vocabulary(directory, side, vocabulary.ids)
    metadata = SequenceMetadata(
        cutoff=cutoff,
        user_granularity=config.granularity_seconds(Side.USER.value),
        item_granularity=config.granularity_seconds(Side.ITEM.value),
        wallclock_mean=statistics.time_mean,
        wallclock_std=statistics.time_std,
        rating_mean=statistics.rating_mean,
        rating_min=statistics.rating_min,
        rating_max=statistics.rating_max,
        users=EntityCounts(users.trained, len(users.ids)),
        items=EntityCounts(items.trained, len(items.ids)),
        ratings=dict(zip(SPLIT_NAMES, statistics.by_split, strict=True)),
        rejected=dict(sorted(rejected.items())),
        steps_per_doubling=config.steps_per_doubling,
    )
    with replacing(FileSystems.join(directory, METADATA_FILE)) as file:
        file.write(metadata.to_json().encode())
    return metadata
