"""Recurrent recommenders for TensorFlow: predict where tastes are going.

TensorFlow Recommenders and TensorFlow Transform need Keras 2 (`tf_keras`), so the package switches
TensorFlow to it, which works only before TensorFlow's Keras is first used.
"""

import os
import sys

from rrn_tf.version import __version__

__all__ = ["__version__"]


def _choose_legacy_keras() -> None:
    if os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true"):
        return
    loaded = getattr(sys.modules.get("tensorflow"), "keras", None)
    # TensorFlow chooses its Keras when `tf.keras` is first used, and asking an unused one its version is a use.
    version = str(getattr(loaded, "__version__", "2")) if getattr(loaded, "_tfll_initialized", True) else "unused"
    if version.startswith("3"):
        raise ImportError(
            "rrn_tf needs Keras 2 (tf_keras), but TensorFlow has already loaded Keras "
            f"{version}: import rrn_tf before tensorflow, or set TF_USE_LEGACY_KERAS=1"
        )
    os.environ["TF_USE_LEGACY_KERAS"] = "1"


_choose_legacy_keras()
