"""Options of pipelines that are compiled for Vertex AI or Kubeflow Pipelines 2, by argument or environment variable."""

from __future__ import annotations

from dataclasses import dataclass

import click

from rrn_tf.cli.format_options import FormatOptions
from rrn_tf.cli.kinds import MODEL_HELP, MODELS
from rrn_tf.cli.pipeline_options import ANOMALIES, ANOMALIES_HELP, MAX_AHEAD_HELP, WARN, TrainingOptions, option

_OF = "for all components, or COMPONENT=VALUE for one"


@dataclass(frozen=True)
class VertexOptions(FormatOptions):
    """Options of every compiled pipeline."""

    model: str = option(MODELS[0], MODEL_HELP, type=click.Choice(MODELS), envvar="RRN_MODEL")
    root: str = option("gs://rrn-tf/pipeline", "Bucket folder of all artifacts.", envvar="RRN_VERTEX_ROOT")
    serving: str | None = option(
        None, "Folder of pushed models; by default serving_model in --root.", envvar="RRN_VERTEX_SERVING"
    )
    compiled: str = option("pipeline.json", "The compiled file.", type=click.Path(dir_okay=False))
    image: str = option("rrn-tf:latest", "The image of all components.", envvar="RRN_IMAGE")
    cpu: tuple[str, ...] = option(
        (), f"Processors: a number {_OF}.", multiple=True, metavar="[COMPONENT=]N", envvar="RRN_VERTEX_CPU"
    )
    memory: tuple[str, ...] = option(
        (), f"Memory in GB: a number {_OF}.", multiple=True, metavar="[COMPONENT=]GB", envvar="RRN_VERTEX_MEMORY"
    )
    accelerator: tuple[str, ...] = option(
        (),
        "Accelerators, such as NVIDIA_TESLA_T4 or NVIDIA_TESLA_T4:2: of Trainer, or COMPONENT=VALUE.",
        multiple=True,
        metavar="[COMPONENT=]TYPE[:N]",
        envvar="RRN_VERTEX_ACCELERATOR",
    )
    dataflow_project: str | None = option(
        None, "Project in which Dataflow runs what is written in Beam.", envvar="RRN_DATAFLOW_PROJECT"
    )
    dataflow_region: str | None = option(None, "Region of Dataflow.", envvar="RRN_DATAFLOW_REGION")
    dataflow_workers: int | None = option(
        None, "Largest number of Dataflow's workers.", type=click.IntRange(1), envvar="RRN_DATAFLOW_WORKERS"
    )
    dataflow_machine: str | None = option(None, "Type of their machines.", envvar="RRN_DATAFLOW_MACHINE")
    dataflow_image: str | None = option(
        None, "Image of Dataflow's workers, which have the project installed.", envvar="RRN_DATAFLOW_IMAGE"
    )
    beam_args: str = option("", "Further Beam pipeline options, as one string.", envvar="RRN_VERTEX_BEAM_ARGS")
    schema: str | None = option(
        None, "URI of a schema, or its path in the image; by default the project's own.", envvar="RRN_SCHEMA"
    )
    anomalies: str = option(WARN, ANOMALIES_HELP, **ANOMALIES)
    max_ahead: float = option(86_400.0, MAX_AHEAD_HELP, type=float, envvar="RRN_MAX_AHEAD")


@dataclass(frozen=True)
class VertexRunOptions(TrainingOptions, VertexOptions):
    """Compiles the pipeline that trains a model."""

    data: str = option("gs://rrn-tf/data/ratings.csv", "Pattern of the data's files.", envvar="RRN_VERTEX_DATA")
    max_rmse: float | None = option(
        None, "A model with a larger test RMSE is not pushed.", type=float, envvar="RRN_VERTEX_MAX_RMSE"
    )


@dataclass(frozen=True)
class VertexUpdateOptions(VertexOptions):
    """Compiles the pipeline that updates a model."""

    data: str = option(
        "gs://rrn-tf/spans/{SPAN}/*.csv", "New rows: a pattern with {SPAN}.", envvar="RRN_VERTEX_UPDATE_DATA"
    )
    base: str | None = option(
        None,
        "Model to start from; a run's parameter base_model replaces it, and must be there if none is given here.",
        envvar="RRN_BASE_MODEL",
    )
    span: int | None = option(None, "Number of the span; by default the latest.", type=int, envvar="RRN_SPAN")
    max_increase: float = option(
        0.02, "By how much the error on the new rows may exceed that of the model before the update.", type=float
    )
    max_bad_share: float = option(0.01, "Largest share of rows that may be rejected.", type=float)
    max_new_users: float = option(0.99, "Largest share of rows of users that the model does not know.", type=float)
    max_new_items: float = option(0.5, "Largest share of rows of items that the model does not know.", type=float)
    good_statistics: str | None = option(None, "URI of the statistics of the last good span.")
    training_statistics: str | None = option(None, "URI of the statistics of the training data.")
