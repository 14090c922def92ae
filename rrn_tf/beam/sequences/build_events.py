"""Writes the sequences of users, vocabularies and metadata from batches of events, by the rules of `event_rules`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.io.filesystems import FileSystems

from rrn_tf.beam.keyed import KEYED
from rrn_tf.beam.reading.files import replacing
from rrn_tf.beam.sequences import event_shards as stages
from rrn_tf.beam.sequences.event_shards import EVENTS, LATER, EventVocabularies, ShardCounts, ShardSummary
from rrn_tf.beam.sequences.vocabularies import CombineCounts, IdCounts, frequent, write_vocabulary
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.data import event_rules as rules
from rrn_tf.data.dropped import lines_of_dropped
from rrn_tf.data.event_rules import CodedEvents, Dropped
from rrn_tf.data.metadata import EventMetadata
from rrn_tf.data.prepared import BadInputError
from rrn_tf.features import EVENT_METADATA_FILE, SIDES, Split


class BuildEvents(beam.PTransform):
    """Writes prepared events: sequences of users, vocabularies and `events.json`.

    The first pass counts the events of items, the second those of users with the remaining items; then each shard
    gets all events of its users. The bytes of every file depend on the events and their positions alone, not on their
    order or bundling.

    Args:
      config: the rules, and the number of shards.
      output_dir: folder for all files; `events.json` is written last.
      folder: folder of the sequence files below `output_dir`; none by default.
      rejected: singleton PCollection of the number of rejected rows by reason, for the metadata. Nothing is built
        before it is known.

    Input: `pyarrow.RecordBatch`es with user_id, item_id (text, may be dictionary-encoded), timestamp and position
    (int64, all different); other columns are ignored. Or a dictionary of two such PCollections: ``events``, all for
    training, and ``later``, all for validation.

    Output: a singleton PCollection of `EventMetadata`.

    Raises (while running):
      BadInputError: if the rules leave no event, or none of the events for validation.
    """

    def __init__(
        self, config: EventDataConfig, output_dir: str, *, folder: str = "", rejected: beam.PCollection | None = None
    ) -> None:
        super().__init__()
        self._config = config
        self._output_dir = str(output_dir)
        self._folder = FileSystems.join(self._output_dir, *filter(None, [folder]))
        self._rejected = rejected

    def expand(self, inputs: beam.PCollection | dict[str, beam.PCollection]) -> beam.PCollection:
        config, shards = self._config, self._config.shards
        events, later = (inputs[EVENTS], inputs.get(LATER)) if isinstance(inputs, dict) else (inputs, None)
        start = events.pipeline | "Start" >> beam.Create([None])
        rejected = pvalue.AsSingleton(
            start | "NoneRejected" >> beam.Map(lambda _: {}) if self._rejected is None else self._rejected
        )
        item_counts = (
            events
            | "CountItems" >> beam.Map(stages.count_items)
            | "AddUpItems" >> beam.CombineGlobally(CombineCounts())
            | "Wait" >> beam.Map(lambda counted, _: counted, rejected)
        )
        items = pvalue.AsSingleton(item_counts | "FrequentItems" >> beam.Map(frequent, config.min_item_events))
        user_counts = (
            events
            | "CountUsers" >> beam.Map(stages.count_users, items)
            | "AddUpUsers" >> beam.CombineGlobally(CombineCounts())
        )
        users = pvalue.AsSingleton(user_counts | "ActiveUsers" >> beam.Map(frequent, config.min_user_events))
        coded = (
            events | "Code" >> beam.FlatMap(stages.code_events, shards, users, items).with_output_types(KEYED),
            start | "EveryShard" >> beam.FlatMap(_every_shard, shards).with_output_types(KEYED),
        )
        parts, later_users = (
            {EVENTS: coded | "Parts" >> beam.Flatten()},
            start | "NoneLater" >> beam.Map(lambda _: None),
        )
        if later is not None:
            parts[LATER] = later | "CodeLater" >> beam.FlatMap(
                stages.code_events, shards, users, items, unknown_items=True
            ).with_output_types(KEYED)
            counted = later | "CountLaterUsers" >> beam.Map(stages.count_all_users)
            later_users = counted | "AddUpLaterUsers" >> beam.CombineGlobally(CombineCounts())
        split = (
            parts
            | "ToShards" >> beam.CoGroupByKey()
            | "Split" >> beam.ParDo(stages.SplitUsers(config)).with_outputs(stages.SUMMARIES, main=EVENTS)
        )
        vocabularies = pvalue.AsSingleton(
            start | "Index" >> beam.Map(_indexed, users, items, pvalue.AsList(split[stages.SUMMARIES]))
        )
        counts = split.events | "Write" >> beam.Map(stages.write_shard, self._folder, shards, vocabularies)
        return start | "WriteMetadata" >> beam.Map(
            _write_metadata,
            config,
            self._output_dir,
            *(pvalue.AsSingleton(part) for part in (item_counts, user_counts, later_users)),
            vocabularies,
            rejected,
            pvalue.AsList(counts),
        )


def _every_shard(_: None, shards: int) -> Iterator[tuple[int, CodedEvents]]:
    """Yields an empty set of events for each shard, so that every file is written."""
    return ((shard, CodedEvents.empty()) for shard in range(shards))


def _indexed(_: None, users: IdCounts, items: IdCounts, summaries: Iterable[ShardSummary]) -> EventVocabularies:
    return stages.vocabularies(users, items, list(summaries))


def _write_metadata(
    _: None,
    config: EventDataConfig,
    directory: str,
    items: IdCounts,
    users: IdCounts,
    later_users: IdCounts | None,
    vocabularies: EventVocabularies,
    rejected: dict[str, int],
    counts: list[ShardCounts],
) -> EventMetadata:
    """Writes the vocabularies and then, since all other files exist by now, the metadata."""
    by_split = [sum(column) for column in zip(*(count.by_split for count in counts))]
    dropped = _dropped(config, items, users, later_users, vocabularies, sum(count.untrained for count in counts))
    metadata = EventMetadata(
        users=len(vocabularies.users),
        items=len(vocabularies.items),
        events={split.label: by_split[split] for split in (Split.TRAIN, Split.VALID, Split.TEST)},
        rejected=dict(sorted(rejected.items())),
        dropped={rule: of.events for rule, of in dropped.items()},
        dropped_users={rule: of.users for rule, of in dropped.items()},
        dropped_items={rule: of.items for rule, of in dropped.items()},
        config=config,
    )
    if not sum(by_split):
        raise BadInputError(
            f"expected events after the filter rules, found none of {int(items.counts.sum()):,}: "
            + "; ".join(lines_of_dropped(metadata))
        )
    if later_users is not None and not by_split[Split.VALID]:
        raise BadInputError(
            f"expected validation events after the filter rules, found none of {int(later_users.counts.sum()):,}: "
            + "; ".join(lines_of_dropped(metadata))
        )
    for side, ids in zip(SIDES, (vocabularies.users, vocabularies.items), strict=True):
        write_vocabulary(directory, side, ids)
    with replacing(FileSystems.join(directory, EVENT_METADATA_FILE)) as file:
        file.write(metadata.to_json().encode())
    return metadata


def _dropped(
    config: EventDataConfig,
    items: IdCounts,
    users: IdCounts,
    later_users: IdCounts | None,
    vocabularies: EventVocabularies,
    untrained: int,
) -> dict[str, Dropped]:
    """Counts the events, users and items that each rule dropped, in the order of the rules."""
    rare = items.counts[items.counts < config.min_item_events]
    short = users.counts[(users.counts < config.min_user_events) & (users.counts > 0)]
    dropped = {
        rules.ITEM_EVENTS: Dropped(int(rare.sum()), int((users.counts == 0).sum()), len(rare)),
        rules.USER_EVENTS: Dropped(int(short.sum()), len(short)),
        **vocabularies.dropped,
        rules.UNTRAINED_ITEM: Dropped(untrained),
    }
    if later_users is not None:
        unknown = later_users.counts[users.of(later_users.ids) < config.min_user_events]
        before = {rules.UNTRAINED_USER: Dropped(int(unknown.sum()), len(unknown))}
        dropped |= stages.added_up([before, dropped])
    return dropped
