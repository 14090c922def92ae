"""Options of the pipeline's Tuner."""

from __future__ import annotations

from typing import Any

from pipeline import configs
from rrn_tf.tasks import Settings


def tune_options(minutes: float | None, space_file: str | None, config: Settings) -> dict[str, Any] | None:
    """Returns plain values for `tune` of `pipeline.training.training`; None without minutes.

    Args:
      minutes: duration of the search.
      space_file: YAML of settings of `model` and `training`; None means the packaged space without those of `data`.
      config: the values of all other settings.

    Raises:
      ConfigError: for an invalid space.
    """
    if minutes is None:
        return None
    from rrn_tf.tuning.space import SearchSpace

    space = SearchSpace.load(space_file, config, data=False)
    return {"space": space.to_dict(), "seconds": 60 * minutes, "max_trials": configs.MAX_TRIALS}
