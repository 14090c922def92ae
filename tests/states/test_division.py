"""Workers that divide the states: each computes its own entities', and all have the bits of one that computed all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rrn_tf.data.batches import plan_batches
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.features import SIDES
from rrn_tf.models.rrn import RRN
from rrn_tf.states import division
from rrn_tf.states.division import Division, Peers
from rrn_tf.states.step_states import StepStates
from rrn_tf.states.streaming import streaming_states
from tests.test_forward_pass import make_ratings, prepare, random_model
from tests.threads import Thread, together

INPUTS: list[dict[str, Any]] = [{"inputs": "ratings", "bayesian_factors": 3}, {"inputs": "innovations"}]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> RatingSequences:
    return prepare(make_ratings(), tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="module", params=INPUTS, ids=lambda settings: settings["inputs"])
def model(request: pytest.FixtureRequest, prepared: RatingSequences) -> RRN:
    return random_model(prepared, "lstm", **request.param)


def frozen(model: RRN, data: RatingSequences, peers: Peers, replicas: int) -> StepStates:
    plans = {side: plan_batches(data.side(side), data.metadata, 64, replicas) for side in SIDES}
    states = StepStates(model, data, plans, peers=peers)
    states.refresh_all()
    for side in SIDES:
        states.refresh(side)
    return states


def streaming(model: RRN, data: RatingSequences, peers: Peers, replicas: int) -> StepStates:
    return streaming_states(model, data, 64, peers=peers)


@pytest.mark.slow
@pytest.mark.parametrize(("states_of", "count"), [(frozen, 2), (streaming, 3)])
def test_all_workers_have_the_bits_of_one(
    states_of: Callable[..., StepStates],
    count: int,
    model: RRN,
    prepared: RatingSequences,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(division, "_PIECE", 30)
    # Of three workers one has no items: the streaming batches are two.
    alone, positions = states_of(model, prepared, Peers(), count), np.arange(len(prepared.user.rating))

    def work(peers: Thread) -> tuple[StepStates, np.ndarray, list[list[int]]]:
        states = states_of(model, prepared, peers, count)
        exchanged = list(peers.sizes)
        predicted = states.predict(positions)
        states.end_division()
        return states, predicted, exchanged

    for states, predicted, exchanged in together(count, work):
        assert bool(exchanged) == (model.inputs == "ratings"), "innovations are propagated whole on each worker"
        np.testing.assert_allclose(predicted, alone.predict(positions), rtol=1e-6)
        np.testing.assert_array_equal(states.predict(positions), predicted)
        for side in SIDES:
            # A remainder of less than 16 extrapolated rows is rounded otherwise if there are others before it.
            data = prepared.side(side)
            later = np.flatnonzero(data.place >= alone.plans[side].rows[data.row_entity])
            own, one = (np.array(of.vectors[side]) for of in (states, alone))
            np.testing.assert_allclose(own[later[-15:]], one[later[-15:]], rtol=1e-5, atol=1e-7)
            own[later[-15:]] = one[later[-15:]]
            np.testing.assert_array_equal(own, one)
            for own, one in zip(states.entities[side].by_entity, alone.entities[side].by_entity, strict=True):
                np.testing.assert_array_equal(own, one, err_msg=one.name)


@pytest.mark.parametrize("replicas", [1, 4])
def test_entities_are_divided_evenly_and_alike(replicas: int, prepared: RatingSequences) -> None:
    for side in SIDES:
        data = prepared.side(side)
        plan = plan_batches(data, prepared.metadata, 16, replicas)
        each = [Division(plan, data, Thread(number, threading.Barrier(2), [])) for number in range(2)]
        np.testing.assert_array_equal(each[0].owner, each[1].owner)
        np.testing.assert_array_equal(each[0].own, ~each[1].own)
        steps = [plan.rows[of.own].sum() for of in each]
        assert max(steps) < 1.5 * min(steps)
        for of in each:
            computed = np.sort(np.concatenate([batch.entities(replica) for batch, replica in of.shares]))
            np.testing.assert_array_equal(computed, np.flatnonzero(of.own & (plan.rows > 0)))


def test_one_worker_exchanges_nothing() -> None:
    values = np.ones((3, 2), np.float32)
    Peers().exchange(values, [np.arange(3)])
    assert values.all()
