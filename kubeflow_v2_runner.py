"""Compiles the pipeline for Vertex AI or Kubeflow Pipelines 2.

Example:
  tfx pipeline compile --engine vertex --pipeline_path kubeflow_v2_runner.py
  python kubeflow_v2_runner.py --image IMAGE --cpu 4 --memory 16 --compiled pipeline.json
"""

from __future__ import annotations

import sys

from pipeline.vertex import compile_run, run_program
from pipeline.vertex_options import VertexRunOptions

if __name__ == "__main__":
    sys.exit(run_program(compile_run, VertexRunOptions, "kubeflow_v2_runner", None))
