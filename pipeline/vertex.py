"""Compiles pipelines for Vertex AI or Kubeflow Pipelines 2; the `kubeflow_v2_*runner.py` programs call it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.orchestration import data_types
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

from pipeline import configs
from pipeline.event_pipeline import create_event_pipeline
from pipeline.local_run import USAGE, fail
from pipeline.pipeline import create_pipeline
from pipeline.setting import Guards, PipelineSetting
from pipeline.tuning import tune_options
from pipeline.update_pipeline import create_update_pipeline
from pipeline.vertex_options import VertexOptions, VertexRunOptions, VertexUpdateOptions
from rrn_tf.cli.failures import line_of
from rrn_tf.cli.pipeline_options import STOP, parsed
from rrn_tf.config import ConfigError, config_to_dict, load_config
from rrn_tf.tasks import TASKS, Settings

Resources = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec

BASE_MODEL = "base_model"  # the parameter of a run of updates
_TRAINER = "Trainer"


def compile_run(options: VertexRunOptions) -> dict[str, Any]:
    """Compiles the pipeline that trains a model, writes the file and returns its content.

    Raises:
      ConfigError: for an invalid configuration.
      click.UsageError: for other invalid options.
    """
    task = TASKS[options.model]
    config: Settings = options.into(load_config(options.config or task.preset, options.set, task.config))
    create, bound = {
        "rrn": (create_pipeline, options.max_rmse),
        "crnn": (create_event_pipeline, options.max_nll),
    }[options.model]
    pipeline = create(
        setting(configs.PIPELINE_NAMES[options.model], options, options.data, guards(options)),
        config=config_to_dict(config),
        max_error=bound,
        max_error_increase=configs.MAX_ERROR_INCREASE[options.model],
        tune=tune_options(options.tune, options.space, config),
        all_baselines=options.all_baselines,
        items=options.items,
    )
    return compiled(pipeline, options)


def compile_update(options: VertexUpdateOptions) -> dict[str, Any]:
    """Compiles the pipeline of updates, writes the file and returns its content.

    Each run may have another base model, its parameter `base_model`.

    Raises:
      click.UsageError: for invalid options.
    """
    found = guards(
        options,
        max_new_users=options.max_new_users,
        max_new_items=options.max_new_items,
        good=options.good_statistics,
        training=options.training_statistics,
    )
    pipeline = create_update_pipeline(
        setting(configs.UPDATE_PIPELINE_NAME, options, options.data, found),
        base_model=data_types.RuntimeParameter(BASE_MODEL, str, default=options.base),
        max_increase=options.max_increase,
        model=options.model,
        span=options.span,
        data_format=options.over(),
        max_bad_share=options.max_bad_share,
    )
    return compiled(pipeline, options)


def run_program(
    compile_pipeline: Callable[[Any], Any], kind: type[VertexOptions], program: str, argv: Sequence[str] | None
) -> int:
    """Runs a program that compiles a pipeline; returns 0, or 2 for invalid options, with one line on stderr.

    Args:
      compile_pipeline: takes options of `kind`.
      kind: the class of the options.
      program: the program's name in `--help`.
      argv: the arguments; None means those of this process.
    """
    try:
        compile_pipeline(parsed(kind, argv, program))
    except (ConfigError, OSError) as error:
        return fail(USAGE, line_of(error))
    except click.ClickException as error:
        return fail(USAGE, error.format_message())
    return 0


def guards(options: VertexOptions, **further: Any) -> Guards:
    """Returns what counts as a fault of the data."""
    return Guards(stop=options.anomalies == STOP, max_ahead=options.max_ahead, **further)


def setting(name: str, options: VertexOptions, data: str, of_data: Guards) -> PipelineSetting:
    """Returns the setting of a pipeline in buckets; `data` is a pattern of URIs."""
    base, pattern = split_uri(data)
    return PipelineSetting(
        name=name.replace("_", "-"),  # Kubeflow's rule
        root=options.root,
        data_base=base,
        data_pattern=pattern,
        schema_file=options.schema or f"{configs.IMAGE_SCHEMAS}/{TASKS[options.model].rows}.pbtxt",
        serving_model_dir=options.serving or f"{options.root}/serving_model",
        beam_pipeline_args=beam_arguments(options),
        guards=of_data,
    )


def split_uri(data: str) -> tuple[str, str]:
    """Splits a pattern into the folder of all data and the rest: ``gs://b/spans/{SPAN}/*.csv`` is in ``gs://b/spans``."""
    parts = data.split("/")
    fixed = next((n for n, part in enumerate(parts) if set(part) & set("{*?[")), len(parts) - 1)
    return "/".join(parts[:fixed]), "/".join(parts[fixed:])


def beam_arguments(options: VertexOptions) -> list[str]:
    """Returns the Beam options: those of Dataflow if a project is given, then the further ones.

    Raises:
      click.UsageError: for options of Dataflow without a project and a region.
    """
    given = {
        "region": options.dataflow_region,
        "max_num_workers": options.dataflow_workers,
        "worker_machine_type": options.dataflow_machine,
        "sdk_container_image": options.dataflow_image,
    }
    set_ = {name: value for name, value in given.items() if value is not None}
    further = shlex.split(options.beam_args)
    if options.dataflow_project is None:
        if set_:
            raise click.UsageError("options of Dataflow: expected --dataflow-project too, found none")
        return further
    if options.dataflow_region is None:
        raise click.UsageError("--dataflow-project: expected --dataflow-region too, found none")
    fixed = {"runner": "DataflowRunner", "project": options.dataflow_project, "temp_location": f"{options.root}/beam"}
    return [*(f"--{name}={value}" for name, value in {**fixed, **set_}.items()), *further]


def compiled(pipeline: tfx_pipeline.Pipeline, options: VertexOptions) -> dict[str, Any]:
    """Sets the components' resources, compiles a pipeline, writes the file and returns its content.

    Raises:
      click.UsageError: for resources of a component that the pipeline does not have, or of another form.
    """
    set_resources(pipeline, options)
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
        default_image=options.image,
        # Of version 2.0 the entry point drops what ExampleGen's driver has found: {SPAN} would stay in the pattern.
        use_pipeline_spec_2_1=True,
    )
    folder, name = os.path.split(Path(options.compiled).absolute())
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config=config, output_dir=folder, output_filename=name)
    return runner.run(pipeline)


def set_resources(pipeline: tfx_pipeline.Pipeline, options: VertexOptions) -> None:
    """Attaches processors, memory and accelerators to components; see `compiled` for what is raised."""
    components = {of.id: of for of in pipeline.components if isinstance(of, BaseComponent)}
    found: dict[str, Any] = {name: Resources() for name in components}
    for flag, field in (("--cpu", "cpu_limit"), ("--memory", "memory_limit")):
        for name, value in _by_component(flag, getattr(options, flag[2:]), list(components), list(components)):
            setattr(found[name], field, _positive(flag, value))
    default = [name for name in components if name == _TRAINER]
    for name, value in _by_component("--accelerator", options.accelerator, list(components), default):
        kind, _, count = value.partition(":")
        found[name].accelerator.type = kind
        found[name].accelerator.count = int(_positive("--accelerator", count or "1"))
    for name, resources in found.items():
        if resources.ByteSize():
            components[name].with_platform_config(resources)


def _by_component(
    flag: str, values: Sequence[str], components: Sequence[str], default: Sequence[str]
) -> list[tuple[str, str]]:
    """Returns a component and its value for each ``[COMPONENT=]VALUE``, those of single components last."""
    general = [(name, value) for value in values if "=" not in value for name in default]
    special = [(name, of) for value in values if "=" in value for name, _, of in [value.partition("=")]]
    for name, _ in special:
        if name not in components:
            raise click.UsageError(f"{flag}: expected a component of {', '.join(components)}, found {name}")
    if values and not general and not special:
        raise click.UsageError(f"{flag}: expected COMPONENT=VALUE, since this pipeline has no {_TRAINER}")
    return general + special


def _positive(flag: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise click.UsageError(f"{flag}: expected a number above 0, found {value}")
    return number
