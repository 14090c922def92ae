"""Components that several pipelines share."""

from __future__ import annotations

from collections.abc import Sequence

from tfx import types
from tfx.components import ExampleValidator, Pusher, StatisticsGen
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.common import resolver
from tfx.dsl.input_resolution.strategies import latest_blessed_model_strategy
from tfx.proto import pusher_pb2
from tfx.types import BaseChannel, standard_artifacts


def validation(examples: BaseChannel, schema_file: str, set_aside: Sequence[str] = ()) -> list[BaseComponent]:
    """Returns components that compute Examples' statistics and find anomalies by a schema; `set_aside` is skipped."""
    statistics = StatisticsGen(examples=examples, exclude_splits=list(set_aside))
    schema = ImportSchemaGen(schema_file=schema_file)
    validator = ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"], exclude_splits=list(set_aside)
    )
    return [statistics, schema, validator]


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
