"""Values of the pipelines. Those of Vertex AI can be set in the environment; so can the options of local runs
(`rrn_tf/cli/pipeline_options.py`).
"""

from __future__ import annotations

import os

# By model.
PIPELINE_NAMES = {"rrn": "rrn", "crnn": "crnn"}
UPDATE_PIPELINE_NAME = "rrn_update"
DATA = {"rrn": "movielens-small", "crnn": "synthetic-events"}
MAX_TRIALS = 100  # of a search before training

# --- what blesses a model -------------------------------------------------------------------------
# A bound in rating units cannot suit all data: it is set for the data whose scale is known. On
# movielens-small (half to five stars) a model above it is not better than the global mean.
MAX_ERROR = {"movielens-small": 1.0}
# A tolerance, by model: one this much worse than the latest blessed model may still be noise of the seed.
MAX_ERROR_INCREASE = {"rrn": 0.005, "crnn": 0.01}

# --- Vertex AI ------------------------------------------------------------------------------------
VERTEX_ROOT = os.environ.get("RRN_VERTEX_ROOT", "gs://rrn-tf/pipeline")
VERTEX_DATA = os.environ.get("RRN_VERTEX_DATA", "gs://rrn-tf/data/ratings.csv")
VERTEX_SERVING = os.environ.get("RRN_VERTEX_SERVING", f"{VERTEX_ROOT}/serving_model")
VERTEX_MAX_RMSE = float(os.environ["RRN_VERTEX_MAX_RMSE"]) if "RRN_VERTEX_MAX_RMSE" in os.environ else None
VERTEX_BEAM_ARGS = os.environ.get("RRN_VERTEX_BEAM_ARGS", "")
IMAGE = os.environ.get("RRN_IMAGE", "rrn-tf:latest")
# Where the Dockerfile puts it.
IMAGE_SCHEMA = "/pipeline/schemas/ratings.pbtxt"
