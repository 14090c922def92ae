"""Constants of the pipelines. Those of Vertex AI can be set by environment variables, and so can the options of local
runs (`rrn_tf/cli/pipeline_options.py`).
"""

from __future__ import annotations

import os

# The names of the pipelines, by model.
PIPELINE_NAMES = {"rrn": "rrn", "crnn": "crnn"}
UPDATE_PIPELINE_NAME = "rrn_update"
DATA = {"rrn": "movielens-small", "crnn": "synthetic-events"}
MAX_TRIALS = 100  # limit of a search before training

# --- thresholds for blessing ----------------------------------------------------------------------
# A bound in rating units cannot suit all data, so it is set only for data of a known scale. On
# movielens-small (half to five stars) a model above the bound is no better than the global mean.
MAX_ERROR = {"movielens-small": 1.0}
# Tolerance by model: an error higher by this much than the latest blessed model's may be due to the seed alone.
MAX_ERROR_INCREASE = {"rrn": 0.005, "crnn": 0.01}

# --- Vertex AI ------------------------------------------------------------------------------------
VERTEX_ROOT = os.environ.get("RRN_VERTEX_ROOT", "gs://rrn-tf/pipeline")
VERTEX_DATA = os.environ.get("RRN_VERTEX_DATA", "gs://rrn-tf/data/ratings.csv")
VERTEX_SERVING = os.environ.get("RRN_VERTEX_SERVING", f"{VERTEX_ROOT}/serving_model")
VERTEX_MAX_RMSE = float(os.environ["RRN_VERTEX_MAX_RMSE"]) if "RRN_VERTEX_MAX_RMSE" in os.environ else None
VERTEX_BEAM_ARGS = os.environ.get("RRN_VERTEX_BEAM_ARGS", "")
IMAGE = os.environ.get("RRN_IMAGE", "rrn-tf:latest")
# The path in the Dockerfile.
IMAGE_SCHEMA = "/pipeline/schemas/ratings.pbtxt"
