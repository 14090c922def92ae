"""That the harness of pipelines tells what is recorded as whole and is not, and disturbs the component it names."""

from __future__ import annotations

import gzip
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.faults.disturbances import DISTURBANCES, Outcome, Subject
from tests.faults.jobs import Job, digest
from tests.faults.processes import CHANGE


def recorded_examples(folder: Path, *, whole: bool) -> None:
    """A store with two Examples of which one was never finished, and one without its files unless it is whole."""
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as mlmd
    from tfx.orchestration import metadata

    (folder / "out").mkdir(parents=True)
    connection = metadata.sqlite_metadata_connection_config(str(folder / "out" / "metadata.sqlite"))
    store = metadata_store.MetadataStore(connection)
    kind = store.put_artifact_type(mlmd.ArtifactType(name="Examples"))
    for number, state in ((1, mlmd.Artifact.LIVE), (2, mlmd.Artifact.PENDING)):
        uri = folder / "out" / "artifacts" / "RatingsExampleGen" / "examples" / str(number)
        uri.mkdir(parents=True)
        store.put_artifacts([mlmd.Artifact(type_id=kind, uri=str(uri), state=state)])
        if whole and state == mlmd.Artifact.LIVE:
            records = b"".join(struct.pack("<QI", len(record), 0) + record + bytes(4) for record in (b"two", b"one"))
            (uri / "data.gz").write_bytes(gzip.compress(records))


@pytest.mark.slow
@pytest.mark.parametrize("whole", [True, False])
def test_what_is_recorded_as_whole_is_read(whole: bool, tmp_path: Path) -> None:
    pytest.importorskip("tfx")
    from tests.faults.pipelines import facts

    assert facts(tmp_path) == []
    recorded_examples(tmp_path, whole=whole)
    if whole:
        assert facts(tmp_path) == [f"RatingsExampleGen/examples: {digest([b'one', b'two'])}"]
    else:
        with pytest.raises(FileNotFoundError, match="nothing in it"):
            facts(tmp_path)


def two_parts(folder: Path, begins: Callable[[], object]) -> None:
    """A job whose first part would leave half a result if it were disturbed."""
    first = folder / "out" / "1"
    if not first.exists():
        first.write_bytes(b"")
        time.sleep(0.1)
        first.write_bytes(b"whole")
    begins()
    time.sleep(0.1)
    for _ in range(2):
        sys.audit(CHANGE, str(folder / "out"))
    (folder / "out" / "2").mkdir(exist_ok=True)


def found(folder: Path) -> list[str]:
    first, second = folder / "out" / "1", folder / "out" / "2"
    return [digest([file.read_bytes()]) for file in (first,) if file.exists()] + ["2"] * second.exists()


@pytest.mark.parametrize("fault", ["killed at a moment", "killed at a change"])
def test_the_part_alone_is_disturbed(fault: str, tmp_path: Path) -> None:
    template = tmp_path / "template"
    for part in ("given", "out", "tmp"):
        (template / part).mkdir(parents=True)
    job = Job(lambda folder: two_parts(folder, lambda: None), found, two_parts)
    subject = Subject("job", job, template, [digest([b"whole"]), "2"], 0.1, 3, {"out": 8192})
    make = DISTURBANCES[fault].make
    outcomes = [make(subject, tmp_path / "work", np.random.default_rng(seed))[0] for seed in range(6)]
    assert Outcome.AGAIN in outcomes
    assert set(outcomes) <= {Outcome.EQUAL, Outcome.AGAIN}
