"""A search over settings: prepares the data once for each preparation setting, runs trials and saves the results.

search.json          the definition of the search: data, configuration, space, oracle
trials.jsonl         finished trials: settings, configuration, figures
best.yaml            the best configuration so far
prepared/            ratings for each length of steps, or events; each a run directory without a trained model
running/, oracle/    the current trial, and KerasTuner's own files
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from rrn_tf.config import config_from_dict, config_to_dict, dump_config
from rrn_tf.files import write_whole
from rrn_tf.redaction import without_secrets
from rrn_tf.runs.directory import ResumeError, RunPaths, prepare_once
from rrn_tf.tasks import Settings, task_of
from rrn_tf.tasks.task import DataSettings
from rrn_tf.tuning.space import SearchSpace
from rrn_tf.tuning.trials import Trial
from rrn_tf.tuning.tuner import SettingTuner, TrialFunction
from rrn_tf.tuning.validation import Sequences, train_and_validate, without_test

SEARCH_FILE, BEST_FILE = "search.json", "best.yaml"


def tune_run(
    pattern: str,
    output: str | Path,
    base: Settings,
    space: SearchSpace,
    *,
    search: str = "random",
    max_trials: int = 100,
    seconds: float = math.inf,
    beam_args: Sequence[str] = (),
    echo: Callable[[str], None] = lambda line: None,
    try_out: TrialFunction = train_and_validate,
) -> list[Trial]:
    """Searches settings by validation RMSE or loss, or resumes the search in the directory.

    Args:
      pattern: the files of ratings or events.
      output: the directory of the search.
      base: the configuration, whose settings outside of the space stay constant.
      space: the settings to search, with their values.
      search, max_trials, seconds, echo, try_out: see `rrn_tf.tuning.tuner.SettingTuner`.
      beam_args: Beam pipeline options, passed through.

    Returns:
      All finished trials, in the order of the search. `best.yaml` holds the best configuration.

    Raises:
      ResumeError: if the directory holds another search.
      TuningError: if no trial has a finite figure.
    """
    root = Path(output)
    _check_resumable(
        root / SEARCH_FILE,
        {"data": without_secrets(pattern), "search": search, "config": config_to_dict(base), "space": space.to_dict()},
    )

    @lru_cache(maxsize=1)  # the others stay on disk
    def sequences_of(data: DataSettings) -> Sequences:
        config: Settings = config_from_dict({**config_to_dict(base), "data": config_to_dict(data)}, type(base))
        return without_test(_prepared(pattern, root / "prepared", config, beam_args))

    tuner = SettingTuner(
        space,
        base,
        sequences_of,
        root,
        search=search,
        max_trials=max_trials,
        seconds=seconds,
        echo=echo,
        try_out=try_out,
    )
    try:
        tuner.search()
    finally:
        if tuner.log.best:
            dump_config(config_from_dict(tuner.log.best.config, type(base)), root / BEST_FILE)
    return tuner.log.trials


def _prepared(pattern: str, folder: Path, config: Settings, beam_args: Sequence[str]) -> Sequences:
    """Prepares the data by a configuration, unless they are prepared already, and loads them."""
    task = task_of(config)
    paths = RunPaths(folder / task.preparation(config.data))

    def prepare(to: RunPaths) -> None:
        options: dict[str, Any] = {"dead_letters": str(to.dead_letters), "beam_args": beam_args}
        task.prepare(pattern, to.sequences, config.data, **options)

    prepare_once(paths, config, {"data": pattern}, prepare, resume=True)
    return task.load(paths.sequences)


def _check_resumable(file: Path, search: dict[str, Any]) -> None:
    """Raises if the directory holds another search: its trials could not be compared with those of this one."""
    text = json.dumps(search, indent=2) + "\n"
    if not file.exists():
        write_whole(file, text)
        return
    before, now = json.loads(file.read_text()), json.loads(text)
    for key in now:
        if before[key] != now[key]:
            raise ResumeError(
                f"{file}: expected the search's own {key} {json.dumps(before[key])}, found {json.dumps(now[key])}; "
                "another search wants another directory"
            )
