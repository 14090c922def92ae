"""Compiles the pipeline for Vertex AI or Kubeflow Pipelines 2.

Example:
  tfx pipeline compile --engine vertex --pipeline_path kubeflow_v2_runner.py
  python kubeflow_v2_runner.py --image IMAGE --cpu 4 --memory 16 --compiled pipeline.json
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from pipeline.local_run import USAGE, fail
from pipeline.vertex import compile_run
from pipeline.vertex_options import VertexRunOptions
from rrn_tf.cli.failures import line_of
from rrn_tf.cli.pipeline_options import parsed
from rrn_tf.config import ConfigError


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the compiled pipeline; returns 0, or 2 for invalid options, with one line on stderr."""
    try:
        compile_run(parsed(VertexRunOptions, argv, "kubeflow_v2_runner"))
    except (ConfigError, OSError) as error:
        return fail(USAGE, line_of(error))
    except click.ClickException as error:
        return fail(USAGE, error.format_message())
    return 0


if __name__ == "__main__":
    sys.exit(main())
