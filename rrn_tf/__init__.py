"""Recurrent recommenders for TensorFlow: predict where tastes are going.

TensorFlow Recommenders and TensorFlow Transform need Keras 2 (`tf_keras`), so the package switches
TensorFlow to it, which works only before TensorFlow's Keras is first used.
"""

import os
import sys
from typing import TYPE_CHECKING, Any

from rrn_tf.quiet import QuietImport
from rrn_tf.version import __version__

if TYPE_CHECKING:
    from rrn_tf.recommenders import CollaborativeRecommender, RRNRecommender, load

__all__ = ["CollaborativeRecommender", "RRNRecommender", "__version__", "load"]


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
if "tensorflow" not in sys.modules:
    sys.meta_path.insert(0, QuietImport())


def __getattr__(name: str) -> Any:
    """The recommenders, which import TensorFlow and pandas when they are first asked for."""
    if name in __all__:
        from rrn_tf import recommenders

        return getattr(recommenders, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
