"""Ratings in the request: what streaming predictions give to a user with that history, whoever else is asked about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.config import DataConfig, config_from_dict
from rrn_tf.data.synthetic import SyntheticConfig, generate
from rrn_tf.features import SIDES, Split
from rrn_tf.serving.export import export_saved_model
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.streaming import predict_streaming
from rrn_tf.training.alternating import TrainingResult, train
from tests.prepared import LIKE_THE_DEFAULT, write_synthetic
from tests.reference import Clock, Ratings, ReferenceRRN, weights_of
from tests.test_forward_pass import set_random_factors

pytestmark = pytest.mark.slow
DAY = 86_400


class Model:
    """A saved model by its signature."""

    def __init__(self, result: TrainingResult, path: Path) -> None:
        export_saved_model(result.snapshot(), path)
        self.result, self.saved = result, SavedRRN(path)
        self.items = result.sequences.item_ids[: result.sequences.metadata.items.trained]
        self._signature = tf.saved_model.load(str(path)).signatures["predict_from_history"]

    def predict(self, user: Any, item: Any, time: Any, items: Any, ratings: Any, times: Any) -> np.ndarray:
        return self._signature(
            user_id=tf.constant(user, tf.string),
            item_id=tf.constant(item, tf.string),
            timestamp=tf.constant(time, tf.int64),
            history_item_id=tf.constant(items, tf.string),
            history_rating=tf.constant(ratings, tf.float32),
            history_timestamp=tf.constant(times, tf.int64),
        )["rating"].numpy()


@pytest.fixture(
    scope="module",
    params=[
        LIKE_THE_DEFAULT,
        {"cell": "gru", "inputs": "ratings"},
        {**LIKE_THE_DEFAULT, "include_opposite_state": False, "steps_per_doubling": 2},
        {"cell": "lstm", "inputs": "ratings", "steps_per_doubling": 3},
        pytest.param({"cell": "lstm", "inputs": "ratings"}, marks=pytest.mark.slow),
        pytest.param({"cell": "lstm", "inputs": "innovations"}, marks=pytest.mark.slow),
    ],
)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    root = tmp_path_factory.mktemp("history")
    sizes = {**request.param, "units": 6, "embedding": 4, "dynamic": 4, "stationary": 2}
    settings = {"epochs": 1, "rows_per_batch": 128, "learning_rate": 0.02}
    prepared = DataConfig(shards=1, steps_per_doubling=sizes.pop("steps_per_doubling", 0))
    ratings = generate(SyntheticConfig(users=40, items=30, ratings=500, days=100, seed=5))
    data = write_synthetic(ratings, root / "data", prepared)
    result = train(data, root, config_from_dict({"model": sizes, "training": settings}))
    # Of so few ratings validation may keep a part out.
    set_random_factors(result.model, np.random.default_rng(0))
    result.states.follow_factors()
    return Model(result, root / "model")


@pytest.mark.parametrize(("length", "sitting"), [(6, False), (14, True)])
def test_a_new_user_is_answered_as_when_streaming(
    model: Model, length: int, sitting: bool, rng: np.random.Generator
) -> None:
    """Ratings of items apart from those asked about, each once: nothing then moves an item."""
    users = 5
    items = np.stack([rng.permutation(model.items)[: length + 1] for _ in range(users)])
    times = model.saved.cutoff + rng.integers(0, 20 * DAY, (users, length))
    asked = model.saved.cutoff + rng.integers(5 * DAY, 25 * DAY, users)
    if sitting:  # in which several ratings are of one second; asked about in its middle, and at its end
        times = model.saved.cutoff + rng.integers(0, 9, (users, length)) * 60
        asked = model.saved.cutoff + np.arange(users) * 120 + 60
    times[:, 1] = times[:, 0]
    ratings = rng.integers(1, 6, (users, length)).astype(np.float32)
    for n in range(users):
        streamed = predict_streaming(
            model.saved,
            ["newcomer"] * (length + 1),
            items[n],
            np.append(times[n], asked[n]),
            np.append(ratings[n], 3.0),
        )[-1]
        found = model.predict(
            ["newcomer"], items[n, -1:], asked[n : n + 1], items[n : n + 1, :-1], ratings[n : n + 1], times[n : n + 1]
        )
        np.testing.assert_allclose(found, streamed, rtol=1e-4)
    together = model.predict(["newcomer"] * users, items[:, -1], asked, items[:, :-1], ratings, times)
    alone = [
        model.predict(
            [""], items[n, -1:], asked[n : n + 1], items[n : n + 1, :-1], ratings[n : n + 1], times[n : n + 1]
        )
        for n in range(users)
    ]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-5)
    assert len(set(together.round(4))) > 1
    if sitting:
        nothing = model.predict(
            [""] * users, items[:, -1], asked, np.full((users, 1), ""), [[0.0]] * users, [[0]] * users
        )
        # Steps of days have seen nothing of one sitting; steps by count and Bayesian factors have.
        seen = model.saved.metadata.steps_per_doubling or model.result.model.bayesian_factors
        assert (np.abs(together - nothing).max() > 1e-3) == bool(seen)


def test_equals_the_reference(model: Model, rng: np.random.Generator) -> None:
    """As a slow, obvious reading of the equations has it, of an unknown user."""
    sequences, network = model.result.sequences, model.result.model
    settings = network.settings
    metadata, trained = sequences.metadata, sequences.interactions([Split.TRAIN])
    newcomer, asked = 1 + metadata.users.total, model.saved.cutoff + 30 * DAY
    index = rng.permutation(len(model.items))[:5] + 1
    times = model.saved.cutoff + np.array([0, 0, DAY // 5, 9 * DAY])
    ratings = np.array([5.0, 1.0, 3.0, 4.0])
    clock = Clock(
        metadata.cutoff,
        metadata.user_granularity,
        metadata.item_granularity,
        metadata.wallclock_mean,
        metadata.wallclock_std,
        metadata.steps_per_doubling,
    )
    everything = Ratings(
        user=np.append(trained.user, [newcomer] * 4),
        item=np.append(trained.item, index[:4]),
        rating=np.append(trained.rating, ratings),
        timestamp=np.append(trained.timestamp, times),
        split=np.append(np.zeros(len(trained.user), int), [1] * 4),
    )
    ensemble = [weights_of(network, member) for member in range(settings["ensemble"])]
    for weights in ensemble:
        for side in SIDES:
            weights[side.value]["factors"][0] = 0
    expected = np.mean(
        [
            ReferenceRRN(
                everything,
                clock,
                weights,
                settings["cell"],
                settings["inputs"],
                settings["time_feature"] == "delta",
                *((network.factor_scale, network.part_weights) if settings["bayesian_factors"] else ()),
            ).predict(newcomer, int(index[4]), int(asked), "streaming")
            for weights in ensemble
        ]
    )
    found = model.predict(
        ["newcomer"], [model.items[index[4] - 1]], [asked], [model.items[index[:4] - 1]], [ratings], [times]
    )
    low, high = metadata.rating_min, metadata.rating_max
    np.testing.assert_allclose(found, np.clip(expected, low, high), rtol=1e-3)
