"""A few of the faults of `python -m tests.faults`, and that the harness would tell a wrong result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.faults.__main__ import EQUAL, REFUSED, WRONG, run_faults
from tests.faults.damage import DAMAGES
from tests.faults.subjects import Subject, of_run


@pytest.mark.slow
def test_damage_is_refused_or_does_no_harm(rating_run: Path, tmp_path: Path) -> None:
    counts, lines = run_faults(of_run(rating_run), 0, 30, tmp_path / "copy")
    assert lines == []
    assert {outcome for *_, outcome in counts} == {EQUAL, REFUSED}
    assert {what for _, what, _ in counts} == set(DAMAGES)


def test_a_wrong_result_is_told(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "numbers").write_bytes(np.arange(100).tobytes())
    trusting = Subject(tmp_path / "given", lambda folder: (folder / "numbers").read_bytes())
    counts, lines = run_faults({"model": trusting}, 0, 20, tmp_path / "copy")
    assert counts["model", "bit flipped", WRONG] > 0
    assert counts["model", "time moved", EQUAL] > 0
    assert len(lines) == 20 - sum(n for (*_, outcome), n in counts.items() if outcome in (EQUAL, REFUSED))
