"""What is kept of a time step is what would be computed, in any order, in any number of threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.serving import kept_steps
from rrn_tf.serving.cached_gates import CachedGates
from rrn_tf.serving.export import export_saved_model
from rrn_tf.serving.kept_steps import KeptSteps
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.update import NewRatings, update
from tests.serving.conftest import Saved

ROWS = 50
DAY = 86_400


class Counted(tf.Module):
    """Numbers that depend on the step and the variant, and how often they were computed."""

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.width = width
        self.times = tf.Variable(0)
        self.kept = KeptSteps(ROWS, width)

    def of(self, step: tf.Tensor, variant: tf.Tensor) -> tf.Tensor:
        row = tf.range(ROWS * self.width, dtype=tf.float32) + tf.cast(step, tf.float32)
        return tf.reshape(tf.sin(row) + tf.cast(variant, tf.float32), [ROWS, self.width])

    @tf.function(input_signature=[tf.TensorSpec([], tf.int64), tf.TensorSpec([], tf.bool)], autograph=False)
    def at(self, step: tf.Tensor, variant: tf.Tensor) -> tf.Tensor:
        def compute() -> list[tf.Tensor]:
            self.times.assign_add(1)
            return tf.split(self.of(step, variant), [10, ROWS - 10])

        return self.kept.at(step, variant, compute)


def ask(module: Any, step: int, variant: bool = False) -> np.ndarray:
    return module.at(tf.constant(step, tf.int64), tf.constant(variant)).numpy()


@pytest.mark.parametrize("width", [1, 3, 16])
def test_is_computed_once_until_another_step_takes_the_place(width: int) -> None:
    module = Counted(width)
    asked = [(0, False), (0, False), (5, False), (0, False), (5, True), (5, False), (1 << 40, False), (0, False)]
    computed = [1, 1, 2, 2, 3, 4, 5, 6]  # 2 ** 40 has the place of 0
    for (step, variant), times in zip(asked, computed, strict=True):
        expected = module.of(tf.constant(step, tf.int64), tf.constant(variant))
        np.testing.assert_array_equal(ask(module, step, variant), expected)
        assert module.times.numpy() == times


def test_memory_is_bounded_and_a_huge_result_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Counted()
    for step in range(20):
        ask(module, step)
    assert sum(int(tf.size(place)) for place in module.kept.variables) == 4 * (ROWS + 2) * 3
    monkeypatch.setattr(kept_steps, "_LARGEST", 2 * ROWS * 3 * 4)
    assert len(KeptSteps(ROWS, 3).variables) == 2
    monkeypatch.setattr(kept_steps, "_LARGEST", ROWS * 3 * 4 - 1)
    module = Counted()
    np.testing.assert_array_equal(ask(module, 1), ask(module, 1))
    assert module.times.numpy() == 2


def test_threads_at_different_steps_have_each_its_own(tmp_path: Path) -> None:
    tf.saved_model.save(Counted(), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    expected = [Counted().of(tf.constant(step, tf.int64), tf.constant(False)).numpy() for step in range(12)]

    def client(number: int) -> int:
        steps = np.random.default_rng(number).integers(0, 12, 150)
        return sum(not np.array_equal(ask(loaded, int(step)), expected[step]) for step in steps)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(client, range(8))) == 0
    assert 12 <= loaded.times.numpy() < 8 * 150


def recommended(model: Any, user: str, timestamp: int) -> tuple[list[bytes], bytes]:
    """Items, and the bits of their scores."""
    request = {"user_id": tf.constant([user]), "timestamp": tf.constant([timestamp], tf.int64), "k": tf.constant(8)}
    answer = model.signatures["recommend"](**request)
    return answer["item_id"][0].numpy().tolist(), answer["score"].numpy().tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("gates", [True, False])
def test_recommendations_are_those_of_a_model_that_keeps_nothing(
    gates: bool, saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [saved.path, tmp_path / "keeps nothing"]
    if not gates:  # as of cells that are no LSTMs
        monkeypatch.setattr(CachedGates, "fit", lambda *_: False)
        paths[0] = tmp_path / "keeps"
        export_saved_model(saved.result.snapshot(), paths[0])
    monkeypatch.setattr(kept_steps, "_LARGEST", 0)
    export_saved_model(saved.result.snapshot(), paths[1])
    keeps, keeps_nothing = (tf.saved_model.load(str(path)) for path in paths)
    assert len(keeps.catalogue._kept._places) == 4
    assert not keeps_nothing.catalogue._kept._places
    users, start = saved.result.sequences.user_ids[:5], int(keeps.cutoff)
    questions = [(user, start + days * DAY) for user in users for days in (-3, 0, 7, 14, 35, 400)]
    expected = {question: recommended(keeps_nothing, *question) for question in questions}

    def client(number: int) -> int:
        order = np.random.default_rng(number).permutation(len(questions))
        return sum(recommended(keeps, *questions[n]) != expected[questions[n]] for n in order)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(client, range(8))) == 0


@pytest.mark.slow
def test_an_updated_model_keeps_nothing_of_the_one_before(saved: Saved, tmp_path: Path) -> None:
    base = SavedRRN(saved.path, compiled=False)
    user, now = saved.result.sequences.user_ids[3], base.cutoff + 2 * DAY
    before = base.recommend(user, now, 8)
    items = saved.result.sequences.item_ids[:4]
    times = np.full(4, base.cutoff + DAY // 2)
    ratings = NewRatings(np.repeat(saved.result.sequences.user_ids[:1], 4), items, times, np.full(4, 1.0, np.float32))
    network, _ = update(base, ratings)
    export_saved_model(network, tmp_path)
    updated = SavedRRN(tmp_path, compiled=False)
    found = [updated.recommend(user, now, 8) for _ in range(2)]
    assert found[0] == found[1]
    names, scores = zip(*found[0], strict=True)
    rating = updated.predict([user] * 8, names, [now] * 8)
    low, high = updated.metadata.rating_min, updated.metadata.rating_max
    np.testing.assert_allclose(np.clip(scores, low, high), rating, rtol=1e-5)
    assert found[0] != before
    assert base.recommend(user, now, 8) == before
