"""A run directory: the paths of its files, and its preparation, which runs only once.

config.yaml          the complete configuration, with defaults
sequences/           prepared data: sequences, vocabularies, metadata
dead_letters.jsonl   rejected rows
logs/                TensorBoard
checkpoints/         the training's progress, and the best weights
source.json          the input that the sequences were prepared from, and the content of its files
preparing/           while new data are prepared; if they cannot be used, their rejected rows
model/               the SavedModel
metrics.json         figures of every split
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rrn_tf.checksums import CHECKSUMS_FILE, write_checksums
from rrn_tf.config import AnyConfig, dump_config, load_config
from rrn_tf.files import write_whole
from rrn_tf.redaction import without_secrets
from rrn_tf.runs.input_files import changed_file, content_of

_UNCHECKED = (".txt", ".json")  # vocabularies and metadata
_CONTENT = "files"  # name of the content of files in source.json


class ResumeError(ValueError):
    """Raised if a run cannot be resumed; the message names the directory, what was expected and what was found."""


@dataclass(frozen=True)
class RunPaths:
    """Paths inside a run directory."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config.yaml"

    @property
    def sequences(self) -> Path:
        return self.root / "sequences"

    @property
    def dead_letters(self) -> Path:
        return self.root / "dead_letters.jsonl"

    @property
    def source(self) -> Path:
        return self.root / "source.json"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.json"


def prepare_once(
    paths: RunPaths,
    config: AnyConfig,
    source: Mapping[str, str | None],
    prepare: Callable[[RunPaths], Any],
    *,
    resume: bool,
) -> bool:
    """Writes a run directory's configuration and sequences, unless it is resumed and holds them already.

    Nothing of a run that the directory holds is changed before the new data are prepared.

    Args:
      paths: the paths of the run directory.
      config: the configuration; if a run is resumed, its sections `data` and `model` must equal those of that run.
      source: the input that the sequences are prepared from: files and globs by name.
      prepare: called with the paths where to prepare the sequences and to write the rejected rows.
      resume: whether to resume the run that the directory holds.

    Returns:
      Whether the directory held the sequences already, so that training is resumed.

    Raises:
      ResumeError: if the directory holds a run on other data or with another model.
    """
    paths.root.mkdir(parents=True, exist_ok=True)
    told = {name: files and without_secrets(files) for name, files in source.items()}
    if resume and paths.config.exists() and paths.source.exists():
        _check_resumable(paths, config, told)
        dump_config(config, paths.config)
        return True
    content = content_of(source.values())  # before it is read: what changes in the meantime is noticed by resuming
    draft = RunPaths(paths.root / "preparing")
    shutil.rmtree(draft.root, ignore_errors=True)
    try:
        prepare(draft)
    except BaseException:
        # Rejected rows stay, since messages refer to them.
        shutil.rmtree(draft.sequences, ignore_errors=True)
        raise
    # Sequences have checksums of their own, as all TFRecord files have.
    others = [file.name for file in draft.sequences.iterdir() if file.is_file() and file.suffix in _UNCHECKED]
    write_checksums(draft.sequences / CHECKSUMS_FILE, draft.sequences, others)
    paths.source.unlink(missing_ok=True)
    for former in (paths.checkpoints, paths.sequences):
        shutil.rmtree(former, ignore_errors=True)
    for new, place in ((draft.sequences, paths.sequences), (draft.dead_letters, paths.dead_letters)):
        new.replace(place)
    draft.root.rmdir()
    dump_config(config, paths.config)
    # Written last: its presence means that everything before it is complete.
    write_whole(paths.source, json.dumps({**told, _CONTENT: content}))
    return False


def _check_resumable(paths: RunPaths, config: AnyConfig, source: Mapping[str, str | None]) -> None:
    """Raises if data or network differ; learning rates and the number of epochs may change between runs."""
    own_source = json.loads(paths.source.read_text())
    content = own_source.pop(_CONTENT, None)
    # Runs of earlier versions list only the kinds of input that existed then, and not the content of files.
    if any(own_source.get(name) != files for name, files in source.items()):
        raise ResumeError(
            f"{paths.root}: expected the run's own data {json.dumps(own_source)}, found {json.dumps(source)}"
        )
    if content is not None and (file := changed_file(source.values(), content)):
        raise ResumeError(
            f"{file}: expected the content that {paths.root} was prepared from, but the file has changed since then: "
            "name another output, or train without --resume, which starts anew"
        )
    before = load_config(paths.config, kind=type(config))
    for section in ("data", "model"):
        own, new = (dataclasses.asdict(getattr(c, section)) for c in (before, config))
        for key in own:
            if own[key] != new[key]:
                raise ResumeError(
                    f"{paths.config}: expected the run's own {section}.{key}={own[key]}, found {new[key]}"
                )


def copy_records(source: RunPaths, target: RunPaths) -> None:
    """Copies the records of a model's training to another run directory, unless both are the same."""
    if source.root.resolve() != target.root.resolve():
        for old, new in ((source.config, target.config), (source.metrics, target.metrics)):
            if old.exists():
                shutil.copyfile(old, new)
