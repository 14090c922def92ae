"""Components that several pipelines share."""

from __future__ import annotations

from collections.abc import Sequence

from tfx import types
from tfx.components import StatisticsGen
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common import resolver
from tfx.dsl.components.common.importer import Importer
from tfx.dsl.input_resolution.strategies import latest_blessed_model_strategy
from tfx.proto import pusher_pb2
from tfx.types import BaseChannel, standard_artifacts

from components.data_validator.component import DataValidator
from components.pusher.component import Pusher
from pipeline.setting import Guards


def validation(
    examples: BaseChannel,
    schema_file: str,
    guards: Guards,
    set_aside: Sequence[str] = (),
    *,
    base_model: BaseChannel | None = None,
    before: Sequence[BaseComponent] = (),
) -> list[BaseNode]:
    """Returns components that compute Examples' statistics and find anomalies by a schema and earlier statistics.

    Args:
      examples: the Examples.
      schema_file: the schema.
      guards: thresholds, earlier statistics, and whether an anomaly stops the pipeline.
      set_aside: splits that are skipped.
      base_model: the model that the Examples are to update.
      before: components that wait for the validation if an anomaly stops the pipeline.
    """
    statistics = StatisticsGen(examples=examples, exclude_splits=list(set_aside))
    schema = ImportSchemaGen(schema_file=schema_file)
    earlier = {
        name: Importer(source_uri=uri, artifact_type=standard_artifacts.ExampleStatistics).with_id(name)
        for name, uri in (("good_statistics", guards.good), ("training_statistics", guards.training))
        if uri
    }
    validator = DataValidator(
        statistics.outputs["statistics"],
        schema.outputs["schema"],
        exclude_splits=set_aside,
        examples=examples if base_model else None,
        base_model=base_model,
        max_ahead=guards.max_ahead,
        max_new_users=guards.max_new_users,
        max_new_items=guards.max_new_items,
        stop=guards.stop,
        **{name: importer.outputs["result"] for name, importer in earlier.items()},
    ).with_id("ExampleValidator")
    if guards.stop:
        for component in before:
            component.add_upstream_node(validator)
    return [statistics, schema, *earlier.values(), validator]


def latest_blessed_model() -> resolver.Resolver:
    """Returns the resolver of the latest blessed model under the pipeline's name, if there is one."""
    return resolver.Resolver(
        strategy_class=latest_blessed_model_strategy.LatestBlessedModelStrategy,
        model=types.Channel(type=standard_artifacts.Model),
        model_blessing=types.Channel(type=standard_artifacts.ModelBlessing),
    ).with_id("latest_blessed_model_resolver")


def push(model: BaseChannel, blessing: BaseChannel, directory: str) -> Pusher:
    """Returns the component that copies a blessed model into a directory, as a new numbered version."""
    return Pusher(
        model=model,
        model_blessing=blessing,
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=directory)
        ),
    )
