"""An update run: reads new ratings or events, updates the states and saves the next model.

update.json                 figures of the latest update
update_dead_letters.jsonl   its rejected rows
model/ or N/                the SavedModel: the next version where the directory holds numbered ones
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rrn_tf.data.items import items_of, keep_items
from rrn_tf.data_format import DataFormat
from rrn_tf.environment import environment
from rrn_tf.features import RATING, TIMESTAMP
from rrn_tf.files import only_writer_of_directory, write_whole
from rrn_tf.tasks import task_of_saved

REPORT_FILE, DEAD_LETTERS_FILE = "update.json", "update_dead_letters.jsonl"
IN_FUTURE, WARNINGS = "in_future", "warnings"


def update_run(
    model: str | Path,
    pattern: str,
    output: str | Path,
    max_bad_share: float | None = None,
    data_format: DataFormat | None = None,
) -> dict[str, Any]:
    """Updates the states of a saved model by new ratings or events, and saves the updated model.

    Args:
      model: see `rrn_tf.serving.saved_files.find_saved_model`; it may be `output`, whose model is then replaced or,
        among numbered versions, followed by a new version.
      pattern: files of the new ratings or events; those that the states already include are skipped.
      output: the directory of the next model.
      max_bad_share: the largest fraction of rows that may be rejected; by default that of the model's training.
      data_format: what the user says about the files' format.

    Returns:
      The content of `update.json`: the figures of `rrn_tf.serving.update.UpdateReport` or of
      `rrn_tf.serving.update_events.EventUpdateReport`, rejected rows by reason, the number of rows in the future,
      warnings about rows that are probably mistakes, the path of the model, seconds and versions.

    Raises:
      BadInputError: for ratings or events that cannot be used.
      ValueError: for a model that cannot be updated.
      OutputInUseError: if another command is writing to `output`.
    """
    with only_writer_of_directory(output):
        return _update_run(model, pattern, Path(output), max_bad_share, data_format)


def _update_run(
    model: str | Path, pattern: str, root: Path, max_bad_share: float | None, data_format: DataFormat | None
) -> dict[str, Any]:
    from rrn_tf.serving.doubtful_rows import in_future, lines_of_future, lines_of_scale
    from rrn_tf.serving.load import load_saved_model
    from rrn_tf.serving.saved_facts import keep_max_bad_share, max_bad_share_of
    from rrn_tf.serving.saved_rrn import SavedRRN
    from rrn_tf.serving.update_model import take_in

    begin, of_training = time.perf_counter(), max_bad_share_of(model)
    base, items = load_saved_model(model), items_of(model)
    seconds = {"load": time.perf_counter() - begin}
    begin, dead_letters = time.perf_counter(), str(root / DEAD_LETTERS_FILE)
    allowed = of_training if max_bad_share is None else max_bad_share
    rows, rejected, left_out = task_of_saved(base).read_new(pattern, base, dead_letters, allowed, data_format)
    seconds["read"] = time.perf_counter() - begin
    now, times = time.time(), rows[TIMESTAMP].to_numpy()
    doubts = lines_of_future(times, now, rated=isinstance(base, SavedRRN))
    if isinstance(base, SavedRRN):
        doubts += lines_of_scale(rows[RATING].to_numpy(), base.metadata)
    updated = take_in(base, rows, now)
    begin = time.perf_counter()
    path = next_model(root)

    def write(folder: Path) -> None:
        updated.export(folder)
        keep_max_bad_share(folder, of_training)
        keep_items(items, folder)

    replace_directory(path, write)
    seconds |= {**updated.report["seconds"], "export": time.perf_counter() - begin}
    summary = {
        **updated.report,
        **left_out,
        IN_FUTURE: in_future(times, now),
        WARNINGS: doubts,
        "rejected": rejected,
        "model": str(path),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        **environment(seed=0),
    }
    write_whole(root / REPORT_FILE, json.dumps(summary, indent=2) + "\n")
    return summary


def next_model(root: Path) -> Path:
    """Returns the next model's path: the version after the newest in a directory of versions, else `model`."""
    versions = [int(path.name) for path in root.iterdir() if path.name.isdigit()]
    return root / (str(max(versions) + 1) if versions else "model")


def replace_directory(path: Path, write: Callable[[Path], None]) -> None:
    """Writes a directory under another name and renames it, so that readers always find a complete one."""
    # The names are no numbers, which TensorFlow Serving would take for versions.
    draft, former = (path.with_name(f".{path.name}.{what}") for what in ("draft", "former"))
    for leftover in (draft, former):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        write(draft)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    if path.exists():
        path.rename(former)
    draft.rename(path)
    shutil.rmtree(former, ignore_errors=True)
