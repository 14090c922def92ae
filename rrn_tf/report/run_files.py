"""Finds the files of a finished run: of `rrn train`, of `rrn run`, or of a component of the pipeline."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rrn_tf.features import EVENT_METADATA_FILE, METADATA_FILE
from rrn_tf.runs.directory import RunPaths
from rrn_tf.tasks import EVENTS, RATINGS, Task

PIPELINE_RECORD = "run.json"  # written by `pipeline.run_local`
_ONE = "a run directory of `rrn train` or `rrn run`"


class RunNotFoundError(ValueError):
    """There is no finished run; the message says in one line what was expected and what was found."""


@dataclass(frozen=True)
class RunFiles:
    """The files of a finished run.

    Attributes:
      name: what the report calls the run.
      sequences: the folder of the prepared data.
      model: the folder of the SavedModel.
      config: the resolved configuration.
      metrics: figures and epochs of the training; the file may be missing.
    """

    name: str
    sequences: Path
    model: Path
    config: Path
    metrics: Path

    @property
    def task(self) -> Task:
        """The task of the run, by what its data are.

        Raises:
          RunNotFoundError: if there are no prepared data.
        """
        for task, metadata in ((RATINGS, METADATA_FILE), (EVENTS, EVENT_METADATA_FILE)):
            if (self.sequences / metadata).exists():
                return task
        raise RunNotFoundError(f"{self.sequences}: expected prepared ratings or events, found none")


def find_run(folder: str | Path) -> RunFiles:
    """Finds the files of a finished run.

    Args:
      folder: the output of `rrn train` or of `rrn run`.

    Raises:
      RunNotFoundError: if there is no run, or some of its files are missing.
    """
    root = Path(folder)
    if (root / PIPELINE_RECORD).exists():
        found = _of_pipeline(root)
    elif (config := RunPaths(root).config).exists():
        paths = RunPaths(root)
        found = RunFiles(str(root), paths.sequences, paths.model, config, paths.metrics)
    else:
        raise RunNotFoundError(f"{root}: expected {_ONE}, found no {config.name} in it")
    for path, what in ((found.sequences, "prepared data"), (found.model, "a trained model"), (found.config, "a file")):
        if not path.exists():
            raise RunNotFoundError(f"{path}: expected {what} of the run {root}, found none")
    return found


def _of_pipeline(root: Path) -> RunFiles:
    record = json.loads((root / PIPELINE_RECORD).read_text())
    if "sequences" not in record:
        raise RunNotFoundError(
            f"{root / PIPELINE_RECORD}: expected the path of the prepared data, found none: an earlier version wrote "
            "it; the same `rrn run` writes it anew"
        )
    trained = RunPaths(Path(record["logs"]))  # where the Trainer leaves its record
    return RunFiles(str(root), Path(record["sequences"]), Path(record["model"]), trained.config, trained.metrics)
