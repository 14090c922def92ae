"""Constants of the pipelines; options are in `rrn_tf/cli/pipeline_options.py` and `pipeline/vertex_options.py`."""

from __future__ import annotations

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

# --- images ---------------------------------------------------------------------------------------
# The folder of schemas in the Dockerfile.
IMAGE_SCHEMAS = "/pipeline/schemas"
