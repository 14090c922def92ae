"""Beam's Prism, whose workers are processes apart, writes what the runner within one process writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rrn_tf.bench.ports import free_ports
from tests.beam.other_runner import (
    Written,
    built,
    expect_written,
    options,
    script,
    start_writing,
    started,
)


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[list[str]]]:
    """Prism and two pools of workers: Beam's options for either pool."""
    if not built("prism").exists():
        pytest.skip(f"Prism is not built: where Go is, {script('prism')} build does it")
    port, *of_pools = free_ports(3)
    settings = {
        "PRISM_PORT": str(port),
        "PRISM_POOLS": " ".join(map(str, of_pools)),
        "PRISM_STATE": str(tmp_path_factory.mktemp("prism")),
    }
    with started("prism", settings):
        yield [options(port, pool) for pool in of_pools]


@pytest.mark.slow
def test_files_are_those_of_one_process(
    source: str, model: str, written: Written, pools: list[list[str]], tmp_path: Path
) -> None:
    for name, beam_args in zip(("first", "second"), pools, strict=True):
        expect_written(start_writing(source, model, tmp_path / name, beam_args), tmp_path / name, written)
