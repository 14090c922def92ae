"""Values of the pipeline; every one can be set in the environment, and the local ones by an option."""

from __future__ import annotations

import os

from rrn_tf.config import CRNN_PLUS, RRN_PLUS

PIPELINE_NAME = "rrn"
PIPELINE_NAMES = {"rrn": PIPELINE_NAME, "crnn": "crnn"}

# --- local runner ---------------------------------------------------------------------------------
MODEL = os.environ.get("RRN_MODEL", "rrn")
# By model.
DATA = {
    name: os.environ.get("RRN_DATA", data) for name, data in (("rrn", "movielens-small"), ("crnn", "synthetic-events"))
}
OUTPUT = os.environ.get("RRN_OUTPUT", "runs/pipeline")
# By model.
CONFIG = {name: os.environ.get("RRN_CONFIG") or preset for name, preset in (("rrn", RRN_PLUS), ("crnn", CRNN_PLUS))}
BEAM_ARGS = os.environ.get("RRN_BEAM_ARGS", "")
# Minutes of a search for better settings before training.
TUNE_MINUTES = float(os.environ["RRN_TUNE"]) if "RRN_TUNE" in os.environ else None
MAX_TRIALS = 100

# --- updates: spans of new rows, local runner --------------------------------------------------
UPDATE_PIPELINE_NAME = "rrn_update"
UPDATE_DATA = os.environ.get("RRN_UPDATE_DATA", "spans/{SPAN}/*.csv")
SPAN = int(os.environ["RRN_SPAN"]) if "RRN_SPAN" in os.environ else None
# Where there is no pushed version yet.
BASE_MODEL = os.environ.get("RRN_BASE_MODEL")

# --- what blesses a model -------------------------------------------------------------------------
# A bound in rating units cannot suit all data: it is set for the data whose scale is known. On
# movielens-small (half to five stars) a model above it is not better than the global mean.
MAX_RMSE = {"movielens-small": 1.0}
# A tolerance: a model this much worse than the latest blessed one may still be noise of the seed.
MAX_RMSE_INCREASE = 0.005
MAX_NLL_INCREASE = 0.01
# Of new ratings or events as they came in, against the base model's frozen states.
MAX_UPDATE_INCREASE = 0.02

# --- Vertex AI ------------------------------------------------------------------------------------
VERTEX_ROOT = os.environ.get("RRN_VERTEX_ROOT", "gs://rrn-tf/pipeline")
VERTEX_DATA = os.environ.get("RRN_VERTEX_DATA", "gs://rrn-tf/data/ratings.csv")
VERTEX_SERVING = os.environ.get("RRN_VERTEX_SERVING", f"{VERTEX_ROOT}/serving_model")
VERTEX_MAX_RMSE = float(os.environ["RRN_VERTEX_MAX_RMSE"]) if "RRN_VERTEX_MAX_RMSE" in os.environ else None
VERTEX_BEAM_ARGS = os.environ.get("RRN_VERTEX_BEAM_ARGS", "")
IMAGE = os.environ.get("RRN_IMAGE", "rrn-tf:latest")
# Where the Dockerfile puts it.
IMAGE_SCHEMA = "/pipeline/schemas/ratings.pbtxt"
