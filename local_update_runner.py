"""Runs the pipeline of updates on this machine, with options from the environment (`rrn_tf/cli/pipeline_options.py`).

Example:
  tfx pipeline create --engine local --pipeline_path local_update_runner.py
  tfx run create --engine local --pipeline_name rrn_update
"""

from __future__ import annotations

import sys

from pipeline import run_update

if __name__ == "__main__":
    sys.exit(run_update.main([]))
