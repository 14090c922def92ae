"""`python -m tests.faults.pipelines --seed 1 --count 40` disturbs components of TFX pipelines while they run.

Both pipelines run once without faults on this machine; what there is before each component is copied. A fault begins
with such a copy, so that TFX's cache skips the components before, and disturbs the one; then what ML Metadata takes for
whole is looked at, and the same pipeline is run again on the same records.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import json
import logging
import os
import shutil
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rrn_tf.checksums import CHECKSUMS_FILE, first_damaged
from tests.faults.disturbances import DISTURBANCES, Subject, possible
from tests.faults.jobs import Job, digest, model_digest, versions_in
from tests.faults.processes import CHANGE, Operations, Running, asked
from tests.faults.running import disturbed, import_all, print_counts, size_of
from tests.recommended import TINY, early_and_late, rating_frame

TRAINING, UPDATE = "training", "update"
# By the subject's name: the pipeline, the component, and its share of the faults.
PARTS = {
    "RatingsExampleGen": (TRAINING, "RatingsExampleGen", 0.13),
    "StatisticsGen": (TRAINING, "StatisticsGen", 0.09),
    "ExampleValidator": (TRAINING, "ExampleValidator", 0.03),
    "SequenceBuilder": (TRAINING, "SequenceBuilder", 0.15),
    "Trainer": (TRAINING, "Trainer", 0.15),
    "Evaluator": (TRAINING, "Evaluator", 0.11),
    "Pusher": (TRAINING, "Pusher", 0.12),
    "StateUpdater": (UPDATE, "StateUpdater", 0.12),
    "UpdateEvaluator": (UPDATE, "UpdateEvaluator", 0.03),
    "Pusher of an update": (UPDATE, "Pusher", 0.07),
}
FAULTS = [name for name in DISTURBANCES if name != "clock moved"]  # it is set before a process starts

_NEEDED = (
    "apache_beam.runners.direct.direct_runner",
    "pipeline.pipeline",
    "pipeline.run_local",
    "pipeline.run_update",
    "pipeline.update_pipeline",
    "rrn_tf.beam.prepare",
    "rrn_tf.report.writing",
    "rrn_tf.runs.training_run",
    "rrn_tf.serving.export",
    "rrn_tf.serving.update_model",
    "rrn_tf.tasks",
    "tensorflow_data_validation",
    "tensorflow_model_analysis",
    "tfx.orchestration.local.local_dag_runner",
)
NOTHING = ""  # what is found where there was nothing to do
_STARTED, _FINISHED = "Component {} is running.", "Component {} is finished."  # what TFX logs


def write_given(folder: Path) -> None:
    """Writes ratings to train on, and a span of later ones."""
    early, late = early_and_late(rating_frame())
    (folder / "given" / "spans" / "1").mkdir(parents=True)
    early.to_csv(folder / "given" / "early.csv", index=False)
    late.to_csv(folder / "given" / "spans" / "1" / "late.csv", index=False)


def run(which: str, folder: Path) -> None:
    """Runs a pipeline on this machine, and exits as its program does."""
    from components.report import executor as report_executor
    from pipeline import run_local, run_update

    _tell_of_records(folder)
    report_executor.write_report = lambda *_, **__: None  # pages take long, and nothing reads them
    output = ["--output", str(folder / "out")]
    if which == TRAINING:
        settings = [f"--set={name}={value}" for name, value in TINY.items()]
        sys.exit(run_local.main(["--data", str(folder / "given" / "early.csv"), *settings, *output]))
    spans = f"{folder}/given/spans/{{SPAN}}/*.csv"
    sys.exit(run_update.main(["--data", spans, "--max-increase", "9", *output]))


def run_part(which: str, component: str, folder: Path, begins: Callable[[], object]) -> None:
    """Runs a pipeline, and calls a function when a component of it begins."""
    with _Heard(lambda said: begins() if said == _STARTED.format(component) else None):
        run(which, folder)


class _Heard(logging.Handler):
    """Calls a function with each message of TFX's log."""

    def __init__(self, hear: Callable[[str], object]) -> None:
        super().__init__(logging.INFO)
        self._hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        self._hear(record.getMessage())

    def __enter__(self) -> None:
        from absl import logging as absl_logging

        absl_logging.get_absl_logger().addHandler(self)

    def __exit__(self, *_: object) -> None:
        from absl import logging as absl_logging

        absl_logging.get_absl_logger().removeHandler(self)


def _tell_of_records(folder: Path) -> None:
    """Makes each request that may write to ML Metadata a change that `Operations` counts, and may kill before."""
    from ml_metadata.metadata_store.metadata_store import MetadataStore

    call = MetadataStore._call

    def told(self: Any, method: str, *given: Any, **more: Any) -> Any:
        if method.startswith("Put"):
            sys.audit(CHANGE, str(folder))
        return call(self, method, *given, **more)

    MetadataStore._call = told


def facts(folder: Path) -> list[str]:
    """Returns digests of what ML Metadata takes for whole, by component and output, and of all pushed models.

    Raises:
      Exception: for what is recorded as whole, and is not.
    """
    found = {(name, _content(name, artifact)) for name, artifact in recorded(folder) if _named(name)}
    versions = versions_in(folder / "out" / "serving_model")
    return [
        *sorted(f"{name}: {content}" for name, content in found if content != NOTHING),
        *dict.fromkeys(f"pushed: {model_digest(version)}" for version in versions),
    ]


def recorded(folder: Path) -> Iterator[tuple[str, Any]]:
    """Yields the live artifacts of the records, each with the names of its component and of the output."""
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as mlmd
    from tfx.orchestration import metadata

    out, copy = folder / "out", folder / "records"
    if not (out / "metadata.sqlite").exists():
        return
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for file in out.glob("metadata.sqlite*"):  # what a killed writer has left is rolled back in a copy
        shutil.copy2(file, copy)
    connection = metadata.sqlite_metadata_connection_config(str(copy / "metadata.sqlite"))
    for artifact in metadata_store.MetadataStore(connection).get_artifacts():
        if artifact.state == mlmd.Artifact.LIVE and artifact.uri.startswith(str(out / "artifacts")):
            yield "/".join(Path(artifact.uri).relative_to(out / "artifacts").parts[:2]), artifact


# What is in artifacts, by the output's name; what is not here, such as logs and a report, has times in it.
_CONTENTS: dict[str, Callable[[Path, Any], str]] = {
    "examples": lambda folder, _: digest(sorted(part for file in _files(folder) for part in _records(file))),
    "sequences": lambda folder, _: _sequences(folder),
    "model": lambda folder, _: model_digest(folder / "Format-Serving"),
    "statistics": lambda folder, _: digest(part for file in _files(folder) for part in _named_bytes(file, folder)),
    "anomalies": lambda folder, _: digest(_anomalies(file) for file in _files(folder)),
    "schema": lambda folder, _: digest(part for file in _files(folder) for part in _named_bytes(file, folder)),
    "blessing": lambda _, artifact: "blessed" if artifact.custom_properties["blessed"].int_value else NOTHING,
    "update": lambda folder, _: _taken_in(json.loads((folder / "update.json").read_text())),
    "report": lambda folder, _: digest(_untimed(json.loads((folder / "leaderboard.json").read_text())["rows"])),
}


def _sequences(folder: Path) -> str:
    from rrn_tf.data.load_ratings import load_sequences

    load_sequences(folder)  # refuses what Trainer would refuse, such as a lost file
    return digest(part for file in _files(folder) for part in _named_bytes(file, folder))


def _taken_in(report: dict[str, Any]) -> str:
    """A run that finds all its rows in the pushed model takes in nothing, as after a push that was not recorded."""
    return digest(_untimed([report])) if report["ratings"] else NOTHING


def _untimed(rows: list[dict[str, Any]]) -> list[bytes]:
    return [json.dumps({**row, "seconds": None}).encode() for row in rows]


def _anomalies(file: Path) -> bytes:
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    found = anomalies_pb2.Anomalies.FromString(file.read_bytes())
    found.ClearField("baseline")  # the schema, in which the latest time is the present
    return found.SerializeToString(deterministic=True)


def _named(name: str) -> bool:
    return name.rpartition("/")[2] in _CONTENTS


def _content(name: str, artifact: Any) -> str:
    return _CONTENTS[name.rpartition("/")[2]](Path(artifact.uri), artifact)


def _files(folder: Path) -> list[Path]:
    paths = sorted(folder.rglob("*"))
    if empty := [path for path in (folder, *paths) if path.is_dir() and not any(path.iterdir())]:
        raise FileNotFoundError(f"{empty[0]}: nothing in it")
    if wrong := first_damaged(folder / CHECKSUMS_FILE, folder):
        raise ValueError(f"{folder}: {wrong}")
    return [path for path in paths if path.is_file()]


def _named_bytes(file: Path, folder: Path) -> tuple[bytes, bytes]:
    return str(file.relative_to(folder)).encode(), file.read_bytes()


def _records(file: Path) -> Iterator[bytes]:
    """Yields the records of a file of TFRecords, or all of another file."""
    if file.suffix != ".gz":
        yield file.read_bytes()
        return
    content = gzip.decompress(file.read_bytes())
    while content:
        (size,) = struct.unpack("<Q", content[:8])
        yield content[12 : 12 + size]
        content = content[16 + size :]


def made_subjects(root: Path, names: list[str]) -> dict[str, Subject]:
    """Runs the pipelines once without faults, and returns their parts with what there was before each.

    Args:
      root: a folder. Records have paths in them, so all faults take place in its folder `work`.
      names: of `PARTS`.
    """
    work, subjects = root / "work", {}
    write_given(work)
    for part in ("out", "tmp"):
        (work / part).mkdir()
    for which in dict.fromkeys(PARTS[name][0] for name in PARTS):
        wanted = {PARTS[name][1]: name for name in names if PARTS[name][0] == which}
        ended = Running(functools.partial(_measure, which, wanted, root), root / "log", work / "tmp").wait()
        if ended.code or not (found := asked(lambda: facts(work), root)):
            raise RuntimeError(f"{which} without faults: {ended.unclear}\n{ended.said}")
        for component, name in wanted.items():
            measured = json.loads((root / which / component / "measured.json").read_text())
            job = Job(functools.partial(run, which), facts, functools.partial(run_part, which, component))
            subjects[name] = Subject(name, job, root / which / component / "copy", found, **measured)
            print(f"{name}: {measured['seconds']:.1f} s, {measured['operations']} operations", flush=True)
        if which == UPDATE or all(PARTS[name][0] == TRAINING for name in names):
            break
    return {name: subjects[name] for name in names}


def _measure(which: str, wanted: dict[str, str], root: Path) -> None:
    """Runs a pipeline, copies what there is before each wanted component, and writes what it takes."""
    work, operations, begin = root / "work", Operations(root / "work"), {}

    def hear(said: str) -> None:
        for component in wanted:
            place = root / which / component
            if said == _STARTED.format(component):
                for part in ("given", "out"):
                    shutil.copytree(work / part, place / "copy" / part)
                (place / "copy" / "tmp").mkdir()
                begin[component] = (time.monotonic(), operations.count)
            if said == _FINISHED.format(component):
                since, before = begin[component]
                measured = {
                    "seconds": time.monotonic() - since,
                    "operations": operations.count - before,
                    "sizes": {part: size_of(work / part) for part in ("given", "out")},
                }
                (place / "measured.json").write_text(json.dumps(measured))

    with _Heard(hear):
        run(which, work)


def main() -> int:
    """Prints the table; returns 1 if a result was wrong or an end unclear."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.pipelines", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--only", nargs="+", type=int, default=(), help="numbers of the faults that are made")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=FAULTS)
    given = parser.parse_args()
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import_all(_NEEDED)
    kinds = possible(given.faults)
    with tempfile.TemporaryDirectory() as root:
        subjects = made_subjects(Path(root), given.parts)
        shares = {name: PARTS[name][2] for name in subjects}
        counts, bad = disturbed(subjects, kinds, given.seed, given.count, Path(root), shares, given.only)
    print_counts(f"seed {given.seed}", counts)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
