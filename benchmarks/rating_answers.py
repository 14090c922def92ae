"""Predictions of the later ratings of a split by RRN, our baselines and other libraries' models (the peers)."""

from __future__ import annotations

import glob
import json
import multiprocessing
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.rating_split import PARTS, STREAM, TimeSplit, predictions
from rrn_tf.baselines.ratings.registry import standard_baselines, standard_online_baselines
from rrn_tf.config import Config, config_to_dict, load_config
from rrn_tf.evaluation.leaderboard import RatingPredictions, fit_and_predict, fit_and_stream
from rrn_tf.evaluation.protocols import FROZEN, PROTOCOLS, STREAMING
from rrn_tf.features import Split
from rrn_tf.files import write_whole, written_whole
from rrn_tf.runs.directory import RunPaths
from rrn_tf.runs.training_run import train_run
from rrn_tf.serving.saved_rrn import SavedRRN

Echo = Callable[[str], None]


@dataclass(frozen=True)
class Answer:
    """The predictions of a model.

    Attributes:
      model: name of the model.
      protocol: protocol of the predictions.
      rating: float32[N], predictions of the later ratings, NaN if there is none.
      seconds: time of fitting, including the choice of options; None if unknown.
      memory_bytes: peak memory of the process; None if unknown.
      parameters: number of values that the model stores; None if unknown.
    """

    model: str
    protocol: str
    rating: npt.NDArray[np.float32]
    seconds: float | None = None
    memory_bytes: int | None = None
    parameters: int | None = None

    def save(self, path: Path) -> None:
        """Writes the predictions to a file, which appears only once it is complete."""
        about = {name: value for name, value in vars(self).items() if name != "rating"}
        with written_whole(path) as draft, draft.open("wb") as file:
            np.savez(file, rating=self.rating, about=json.dumps(about))

    @classmethod
    def load(cls, path: Path) -> Answer:
        """Reads a file that `save` wrote."""
        with np.load(path) as parts:
            return cls(**json.loads(str(parts["about"])), rating=parts["rating"])


class SplitFiles(NamedTuple):
    """The files of a split.

    Attributes:
      folder: folder of the data set.
      ratings: file of all ratings, for the peers.
      train, valid: files of training and validation ratings of RRN; the latter includes unseen users and items.
    """

    folder: Path
    ratings: Path
    train: Path
    valid: Path


def rrn_answers(
    split: TimeSplit, files: SplitFiles, name: str, seed: int, settings: Sequence[str], preset: str
) -> list[Answer]:
    """Returns RRN's predictions by each protocol, and trains it first if needed; streaming observes all later ratings.

    Args:
      split: the ratings.
      files: files of the split.
      name: name of the run's folder.
      seed: seed of training.
      settings: overrides of the preset.
      preset: name of the configuration.

    Raises:
      ValueError: if the run's folder has a run with other settings.
    """
    run = RunPaths(files.folder / "runs" / name)
    config = load_config(preset, [f"training.seed={seed}", *settings])
    if run.metrics.exists():
        _require_settings(run, config)
    else:
        trained_apart(run, files, config)
    saved_answers = {protocol: run.root / "answers" / f"{protocol}.npz" for protocol in PROTOCOLS}
    if not all(path.exists() for path in saved_answers.values()):
        summary = json.loads(run.metrics.read_text())
        saved = SavedRRN(run.model)
        cost = (summary["seconds"]["train"], summary["peak_memory_bytes"], saved.num_parameters)
        for protocol, predicted in zip(PROTOCOLS, predictions(saved, split.queries).values(), strict=True):
            Answer(f"RRN seed {seed}", protocol, predicted, *cost).save(saved_answers[protocol])
    return [Answer.load(path) for path in saved_answers.values()]


def trained_apart(run: RunPaths, files: SplitFiles, config: Config) -> None:
    """Trains in a separate process, so that peak memory is that of the run."""
    train, valid = (glob.escape(str(path)) for path in (files.train, files.valid))
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
        apart.submit(train_run, train, run.root, config, valid=valid, resume=True).result()


def baseline_answers(split: TimeSplit, folder: Path, echo: Echo) -> Iterator[Answer]:
    """Yields the predictions of our baselines, with options chosen on validation ratings of known users and items.

    To frozen baselines unseen users and items are unknown; streaming ones observe all later ratings.

    Args:
      split: the ratings.
      folder: folder of saved predictions.
      echo: prints a line for each baseline before it is fitted.
    """
    valid_rows = split.row_indices(Split.VALID)

    def kept(name: str, protocol: str, fit: Callable[[], RatingPredictions]) -> Answer:
        path = folder / f"{protocol}-{_slug(name)}.npz"
        if not path.exists():
            echo(f"  {name}")
            fitted = fit()
            Answer(name, protocol, fitted.rating, fitted.seconds, None, fitted.parameters).save(path)
        return Answer.load(path)

    train, later = split.interactions(unseen=False)
    for model in standard_baselines(0):
        yield kept(model.name, FROZEN, partial(fit_and_predict, model, train, later.take(valid_rows), later))
    train, later = split.interactions(unseen=True)
    for online in standard_online_baselines(0):
        yield kept(online.name, STREAMING, partial(fit_and_stream, online, train, later.take(valid_rows), later))


class Peers(NamedTuple):
    """A program that fits other libraries' models.

    With `list` it prints one name on each line, with `split --data CSV` it writes PEER_DIR/splits/TAG.npz, and with
    `run --data CSV --out FILE --models NAME` it writes PEER_DIR/preds/TAG__NAME.npy and a line of JSON to FILE. TAG is
    the file's name up to the first dot. The outcome of each model is kept in PEER_DIR/TAG.finished.json; those in it
    are not run again.

    Attributes:
      script, python: the program, and the Python that runs it.
      folder: PEER_DIR.
      budget: seconds for choosing the options of one model.
    """

    script: Path
    python: Path
    folder: Path
    budget: float

    def answers(self, split: TimeSplit, ratings: Path, echo: Echo) -> tuple[list[Answer], list[str]]:
        """Returns the predictions of the models that succeed, and the names of the others with the reasons.

        Args:
          split: the ratings.
          ratings: file of the ratings.
          echo: prints a line for each model before it is fitted.

        Raises:
          ValueError: if the program's split differs, or a model's number of predictions.
          RuntimeError: if the program fails.
        """
        tag, results = ratings.name.split(".")[0], self.folder / "results.jsonl"
        self.folder.mkdir(parents=True, exist_ok=True)
        names = [name for name in self._run("list").splitlines() if name]
        self._run("split", "--data", str(ratings))
        self._require_split(split, tag)
        finished = self.folder / f"{tag}.finished.json"
        outcomes: dict[str, str] = json.loads(finished.read_text()) if finished.exists() else {}
        answers, rows = [], split.row_indices(Split.VALID, Split.TEST)
        for name in names:
            predicted = self.folder / "preds" / f"{tag}__{re.sub('/| ', '_', name)}.npy"
            if name not in outcomes:
                echo(f"  {name}")
                predicted.unlink(missing_ok=True)
                output = self._run("run", "--data", str(ratings), "--out", str(results), "--models", name)
                outcomes[name] = "" if predicted.exists() else _outcome(output)
                write_whole(finished, json.dumps(outcomes, indent=2))
            if not outcomes[name]:
                known = np.load(predicted)
                if known.shape != rows.shape:
                    raise ValueError(f"{predicted}: expected shape {rows.shape}, found {known.shape}")
                rating = np.full(len(split.later), np.nan, np.float32)
                rating[rows] = known
                answers.append(_peer_answer(name, rating, _cost_of(results, tag, name)))
        return answers, [f"{name} ({outcome})" for name, outcome in outcomes.items() if outcome and name in names]

    def _run(self, *arguments: str) -> str:
        environment = {"PEER_DIR": str(self.folder), "PEER_BUDGET": str(self.budget), "PEER_THREADS": "2"}
        command = [str(self.python), str(self.script), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
        if done.returncode:
            errors = done.stderr.strip().splitlines() or ["no error message"]
            raise RuntimeError(f"{self.script} {arguments[0]}: expected the program to succeed, found {errors[-1]}")
        return done.stdout

    def _require_split(self, split: TimeSplit, tag: str) -> None:
        path = self.folder / "splits" / f"{tag}.npz"
        with np.load(path) as parts:
            for part in PARTS:
                if not np.array_equal(parts[part.label], ours := split.peer_rows(part)):
                    raise ValueError(
                        f"{path}: expected our {len(ours):,} {part.label} rows, found {len(parts[part.label]):,} others"
                    )


def _peer_answer(name: str, rating: npt.NDArray[np.float32], cost: Mapping[str, Any]) -> Answer:
    memory = cost.get("rss_mb")
    return Answer(
        f"{name.removeprefix(STREAM)} (peers)",
        STREAMING if name.startswith(STREAM) else FROZEN,
        rating,
        cost.get("wall_grid"),
        None if memory is None else int(memory * 2**20),
    )


def _cost_of(results: Path, tag: str, name: str) -> dict[str, Any]:
    """Returns the last line of the peers' results for a model; an empty dictionary without one."""
    lines = [*map(json.loads, results.read_text().splitlines())] if results.exists() else []
    return next((line for line in lines[::-1] if (line["data"], line["model"]) == (tag, name)), {})


def _outcome(output: str) -> str:
    """Returns the reason why a model has no predictions, from the program's output."""
    if output.rstrip().endswith("TIMEOUT"):
        return "out of time"
    return "not for these data" if "FAILED SKIP" in output else "failed"


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name)


def _require_settings(run: RunPaths, config: Config) -> None:
    found, wanted = (config_to_dict(of) for of in (load_config(run.config), config))
    for section, values in wanted.items():
        if (before := found.get(section)) != values:
            differing = next(key for key in values if (before or {}).get(key) != values[key])
            raise ValueError(
                f"{run.config}: expected {section}.{differing}={values[differing]}, found "
                f"{(before or {}).get(differing)}; use another folder"
            )
