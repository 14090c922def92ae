"""What is disturbed while it runs: each job reads `given` and writes `out` of its folder, and can be run again."""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rrn_tf.checksums import CHECKSUMS_FILE, first_damaged
from rrn_tf.features import EVENT_METADATA_FILE
from tests.recommended import TINY, TINY_EVENTS, early_and_late, event_frame, rating_frame

# Half of a training is over before the network trains, so that faults meet the rest often enough.
SETTINGS = {"rrn": {**TINY, "training.epochs": 3}, "crnn": {**TINY_EVENTS, "training.epochs": 3}}
FRAMES = {"rrn": rating_frame, "crnn": event_frame}


@dataclass(frozen=True)
class Job:
    """A job.

    Attributes:
      run: runs it in a folder, or goes on with what an earlier run has left there.
      facts: returns digests of all that it would be taken for whole, the final product last. It raises an exception
        for what looks whole and is not.
      part: runs it, and calls a function when the part begins that is to be disturbed; None if all of it is.
    """

    run: Callable[[Path], None]
    facts: Callable[[Path], list[str]]
    part: Callable[[Path, Callable[[], object]], None] | None = None

    def begin(self, folder: Path, begins: Callable[[], object]) -> None:
        """Runs it, and calls a function when that begins which is to be disturbed."""
        if self.part is not None:
            self.part(folder, begins)
        else:
            begins()
            self.run(folder)


def write_given(root: Path) -> None:
    """Writes the rows of both kinds, and trains a model on the early ones, which is updated, into a folder."""
    for kind in SETTINGS:
        folder = root / kind
        (folder / "given").mkdir(parents=True)
        for name, rows in zip(("early", "late"), early_and_late(FRAMES[kind]())):
            rows.to_csv(folder / "given" / f"{name}.csv", index=False)


def command(*arguments: str) -> None:
    """Runs `rrn` with arguments, which ends in a SystemExit."""
    from rrn_tf.cli.main import main

    main(args=list(arguments), prog_name="rrn")


def settings_of(kind: str) -> list[str]:
    """Returns the options of `rrn train` for a kind of model."""
    overrides = [f"--set={name}={value}" for name, value in SETTINGS[kind].items()]
    return [f"--model={kind}", *overrides]


def digest(parts: Iterable[bytes]) -> str:
    """Returns one digest of several pieces of content."""
    found = hashlib.sha256()
    for part in parts:
        found.update(hashlib.sha256(part).digest())
    return found.hexdigest()


@contextlib.contextmanager
def _as_commands_end() -> Iterator[None]:
    """Ends the process as `rrn` ends where what runs inside raises an exception."""
    import click

    from rrn_tf.cli.options import one_line_errors

    try:
        with one_line_errors():
            yield
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


def _prepare(kind: str, folder: Path) -> None:
    from rrn_tf.config import load_config
    from rrn_tf.files import only_writer_of_directory
    from rrn_tf.runs.directory import RunPaths, prepare_once
    from rrn_tf.tasks import TASKS

    task, source = TASKS[kind], str(folder / "given" / "early.csv")
    config = load_config(None, tuple(f"{n}={v}" for n, v in SETTINGS[kind].items()), task.config)

    def prepare(to: RunPaths) -> None:
        task.prepare(source, to.sequences, config.data, dead_letters=str(to.dead_letters))

    with _as_commands_end(), only_writer_of_directory(folder / "out"):
        prepare_once(RunPaths(folder / "out"), config, {"data": source}, prepare, resume=True)


def _prepared(folder: Path) -> list[str]:
    from rrn_tf.data.load_events import load_events
    from rrn_tf.data.load_ratings import load_sequences

    root = folder / "out"
    if not (root / "source.json").exists():
        return []
    if wrong := first_damaged(root / "sequences" / CHECKSUMS_FILE, root / "sequences"):
        raise ValueError(f"{root}: {wrong}")
    (load_events if (root / "sequences" / EVENT_METADATA_FILE).exists() else load_sequences)(root / "sequences")
    files = sorted(path for path in (root / "sequences").rglob("*") if path.is_file())
    files.append(root / "dead_letters.jsonl")
    return [digest(part for file in files for part in (file.name.encode(), file.read_bytes()))]


def _train(kind: str, folder: Path) -> None:
    data, out = str(folder / "given" / "early.csv"), str(folder / "out")
    command("train", "--data", data, "--output", out, *settings_of(kind), "--resume")


def _trained(folder: Path) -> list[str]:
    model = folder / "out" / "model"
    return [*_prepared(folder), *([model_digest(model)] if model.exists() else [])]


def model_digest(model: Path) -> str:
    """Returns the digest of all variables and vocabularies of a saved model, after checking that it is whole."""
    import tensorflow as tf

    from rrn_tf.serving.saved_files import check_saved_model

    check_saved_model(model)
    values = tf.train.load_checkpoint(str(model / "variables" / "variables"))
    names = sorted(name for name in values.get_variable_to_shape_map() if name != "_CHECKPOINTABLE_OBJECT_GRAPH")
    assets = sorted((model / "assets").glob("*"))
    return digest([_plain(values.get_tensor(name)) for name in names] + [file.read_bytes() for file in assets])


def _plain(value: Any) -> bytes:
    return value.tobytes() if isinstance(value, np.ndarray) and value.dtype != object else repr(value).encode()


def versions_in(folder: Path) -> list[Path]:
    """Returns the versions of a model in a folder, the oldest first."""
    numbered = [path for path in folder.glob("*") if path.name.isdigit()]
    return sorted(numbered, key=lambda path: int(path.name))


def _versions(folder: Path) -> list[str]:
    return [model_digest(path) for path in versions_in(folder / "out")]


def _update(folder: Path) -> None:
    out = str(folder / "out")
    command("update", "--model", out, "--data", str(folder / "given" / "late.csv"), "--output", out)


def _score(folder: Path) -> None:
    output = str(folder / "out" / "pairs")
    command("score", "--model", str(folder / "given" / "model"), "--queries", _pairs(folder), "--output", output)


def _pairs(folder: Path) -> str:
    return str(folder / "given" / "pairs.csv")


def _scored(folder: Path) -> list[str]:
    import pandas as pd

    out = folder / "out"
    if not (out / "pairs-summary.json").exists():
        return []
    rows = pd.concat([pd.read_parquet(file) for file in sorted(out.glob("pairs-*.parquet"))])
    rows = rows.sort_values(list(rows.columns), ignore_index=True)
    return [digest([rows.to_csv(index=False).encode(), (out / "pairs-summary.json").read_bytes()])]


def _push(folder: Path) -> None:
    from tfx.proto import pusher_pb2
    from tfx.types import standard_artifacts
    from tfx.utils import proto_utils

    from components.pusher.executor import Executor

    model, pushed = standard_artifacts.Model(), standard_artifacts.PushedModel()
    model.uri, pushed.uri = str(folder / "given" / "artifact"), str(folder / "archive")
    to = pusher_pb2.PushDestination(
        filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(folder / "out"))
    )
    properties = {"push_destination": proto_utils.proto_to_json(to)}
    with _as_commands_end():
        Executor().Do({"model": [model]}, {"pushed_model": [pushed]}, properties)


JOBS: dict[str, Job] = {
    "prepare ratings": Job(lambda folder: _prepare("rrn", folder), _prepared),
    "prepare events": Job(lambda folder: _prepare("crnn", folder), _prepared),
    "train ratings": Job(lambda folder: _train("rrn", folder), _trained),
    "train events": Job(lambda folder: _train("crnn", folder), _trained),
    "update ratings": Job(_update, _versions),
    "update events": Job(_update, _versions),
    "score": Job(_score, _scored),
    "push": Job(_push, _versions),
}


def kind_of(name: str) -> str:
    """Returns the kind of model of a job."""
    return "crnn" if name.endswith("events") else "rrn"


def main() -> None:
    """Runs a job, by its name and folder, in a new process: for what is set before a process starts."""
    _, name, folder = sys.argv
    JOBS[name].run(Path(folder))


if __name__ == "__main__":
    main()
