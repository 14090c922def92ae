"""A training that cannot fit is refused in one line, and none that can."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rrn_tf.bench.load import Load, load_in_memory, netflix_like
from rrn_tf.config import load_config
from rrn_tf.data.metadata import EntityCounts, SequenceMetadata
from rrn_tf.environment import memory_limit_bytes, peak_memory_bytes
from rrn_tf.features import SIDES, Side
from rrn_tf.training import memory
from rrn_tf.training.alternating import train
from rrn_tf.training.memory import TooLargeError, check_memory, least_memory

PAPER = load_config("paper-netflix")
LOAD = Load(netflix_like(2_000, 100, 50, 0))
STEPS = {Side.USER: 5_000_000, Side.ITEM: 3_000_000}


@pytest.fixture(scope="module")
def netflix() -> SequenceMetadata:
    """Of data as large as the whole Netflix Prize data."""
    counts = {"train": 100_480_507}
    metadata = load_in_memory(LOAD).metadata
    return replace(metadata, users=EntityCounts(480_189, 480_189), items=EntityCounts(17_770, 17_770), ratings=counts)


def test_what_is_needed_is_that_of_the_table(netflix: SequenceMetadata) -> None:
    needed = least_memory(netflix, PAPER, STEPS)
    assert needed["sequences"] == 34 * 100_480_507 + 24 * 8_000_000
    assert needed["cached states"] == 80 * 2 * 8_000_000
    assert needed["tables"] == 4 * 497_959 * (3 * 40 + 20 + 40)
    on_gpu = least_memory(netflix, PAPER, STEPS, on_host=False)
    assert on_gpu == {**needed, "cached states": 0, "tables": 0}
    innovations = least_memory(netflix, load_config("rrn-plus"), STEPS)["cached states"]
    assert innovations == 128 * 4 * 8_000_000 + 28 * 8_000_000


def test_of_several_workers_each_holds_a_part_and_the_chief_all_users(netflix: SequenceMetadata) -> None:
    ratings, alone = 100_480_507, least_memory(netflix, PAPER, STEPS)
    of_steps = alone["sequences"] - 34 * ratings
    worker = least_memory(netflix, PAPER, STEPS, workers=4, chief=False)
    assert worker == {**alone, "sequences": of_steps + 34 * ratings // 4}
    chief = least_memory(netflix, PAPER, STEPS, workers=4)
    held, vectors = of_steps + 34 * ratings // 4 + 17 * ratings, alone["cached states"] // 2
    assert chief == {**alone, "sequences": held, "cached states": vectors}, "when it saves the model"
    many = {side: 10 * steps for side, steps in STEPS.items()}
    assert least_memory(netflix, PAPER, many, workers=4) == least_memory(netflix, PAPER, many, workers=4, chief=False)
    check_memory(netflix, PAPER, STEPS, sum(worker.values()), workers=4, chief=False)
    with pytest.raises(TooLargeError, match="training needs at least"):
        check_memory(netflix, PAPER, STEPS, sum(worker.values()), workers=4)


@pytest.mark.parametrize(
    ("steps", "entities", "says"),
    [
        (None, 10, "GB are sequences: train on fewer ratings, or give"),
        (dict.fromkeys(SIDES, 90000000), 10, "GB are cached states: longer data.user_granularity and"),
        (STEPS, 30_000_000, "GB are tables: a smaller model.embedding, model.units or"),
    ],
)
def test_too_large_a_training_is_refused_in_one_line(
    steps: dict[Side, int] | None, entities: int, says: str, netflix: SequenceMetadata
) -> None:
    metadata = replace(netflix, users=EntityCounts(entities, entities))
    total = sum(least_memory(metadata, PAPER, steps).values())
    check_memory(metadata, PAPER, steps, limit=total)
    with pytest.raises(TooLargeError, match=says) as refused:
        check_memory(metadata, PAPER, steps, limit=total - 1)
    assert f"needs at least {total / 1e9:,.1f} GB of memory, and this process can have" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_train_refuses_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "memory_limit_bytes", lambda: 80_000)
    with pytest.raises(TooLargeError, match="training needs at least"):
        train(load_in_memory(LOAD), tmp_path, PAPER)
    assert not list(tmp_path.iterdir())


def test_what_the_system_tells(tmp_path: Path) -> None:
    here = memory_limit_bytes()
    assert here is None or here > peak_memory_bytes()
    assert memory_limit_bytes(tmp_path) is None

    def told(limits: dict[str, str], cgroup: str) -> int | None:
        for name, text in {"proc/self/cgroup": cgroup, **limits}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return memory_limit_bytes(tmp_path)

    meminfo = {"proc/meminfo": "MemTotal:       8000 kB\nMemFree: 1 kB\nSwapTotal:      1000 kB\n"}
    assert told(meminfo, "") == 9000 * 1024
    assert told({"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "5120000\n"}, "0::/a/b\n") == (
        5_120_000 + 1000 * 1024
    )
    old = {"sys/fs/cgroup/memory/c/memory.limit_in_bytes": "9223372036854771712\n"}
    assert told(old, "3:cpu:/c\n2:memory:/c\n") == 9000 * 1024
    assert told({"sys/fs/cgroup/memory/memory.limit_in_bytes": "2048\n"}, "2:memory:/c\n") == 2048 + 1000 * 1024
