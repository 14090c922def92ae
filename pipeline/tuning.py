"""What the pipeline's Tuner is told."""

from __future__ import annotations

from typing import Any

from pipeline import configs
from rrn_tf.tasks import Settings


def tune_options(minutes: float | None, space_file: str | None, config: Settings) -> dict[str, Any] | None:
    """Plain values for `tune` of `pipeline.training.training`; None without minutes.

    Args:
      minutes: how long to search.
      space_file: YAML of settings of `model` and `training`; None is the packaged space without those of `data`.
      config: every other setting.

    Raises:
      ConfigError: for a space that cannot be used.
    """
    if minutes is None:
        return None
    from rrn_tf.tuning.space import SearchSpace

    space = SearchSpace.load(space_file, config, data=False)
    return {"space": space.to_dict(), "seconds": 60 * minutes, "max_trials": configs.MAX_TRIALS}
