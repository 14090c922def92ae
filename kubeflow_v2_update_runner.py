"""Compiles the pipeline of updates for Vertex AI or Kubeflow Pipelines 2.

Example:
  tfx pipeline compile --engine vertex --pipeline_path kubeflow_v2_update_runner.py
  python kubeflow_v2_update_runner.py --image IMAGE --cpu 4 --memory 16 --compiled pipeline.json
"""

from __future__ import annotations

import sys

from pipeline.vertex import compile_update, run_program
from pipeline.vertex_options import VertexUpdateOptions

if __name__ == "__main__":
    sys.exit(run_program(compile_update, VertexUpdateOptions, "kubeflow_v2_update_runner", None))
