"""Each of several workers holds the ratings of its own entities, and computes what one with all ratings does."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rrn_tf.config import Config, load_config
from rrn_tf.data.batches import BatchPlan, plan_batches
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.evaluation.protocols import FROZEN, STREAMING, evaluate
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.states.division import Division, Peers
from rrn_tf.states.step_states import StepStates
from rrn_tf.states.streaming import streaming_states
from rrn_tf.training.parts import ValidationScorer, parts_alone
from rrn_tf.training.training_data import TrainingData, divides_ratings
from tests.test_forward_pass import make_ratings, prepare, random_model
from tests.threads import Thread, together

CONFIG = load_config("paper-netflix", ["training.rows_per_batch=64"], kind=Config)
WORKERS, REPLICAS = 3, 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    prepare(make_ratings(), folder)
    return folder


@pytest.fixture(scope="module")
def whole(folder: Path) -> RatingSequences:
    return load_sequences(folder)


def own_data(folder: Path, number: int) -> TrainingData:
    return TrainingData(folder, CONFIG, REPLICAS, Thread(number, threading.Barrier(WORKERS), []))


def plans_of(data: RatingSequences) -> dict[Side, BatchPlan]:
    return {side: plan_batches(data.side(side), data.metadata, 64, REPLICAS) for side in SIDES}


def test_the_papers_presets_are_divided() -> None:
    assert divides_ratings(CONFIG, 2)
    assert divides_ratings(load_config("paper-imdb", kind=Config), 2)
    assert not divides_ratings(CONFIG, 1)
    for other in ("model.bayesian_factors=2", "model.inputs=innovations", "training.selection=both"):
        assert not divides_ratings(load_config("paper-netflix", [other], kind=Config), 2)


def test_a_worker_builds_its_shares_from_its_own_ratings(folder: Path, whole: RatingSequences) -> None:
    everyone, held = plans_of(whole), dict.fromkeys(SIDES, 0)
    for number in range(WORKERS):
        data = own_data(folder, number).sequences
        mine = plans_of(data)
        for side in SIDES:
            held[side] += len(data.side(side).rating)
            np.testing.assert_array_equal(mine[side].totals, everyone[side].totals)
            for own, all_shares in zip(mine[side].batches, everyone[side].batches, strict=True):
                for replica in range(2 * number, 2 * number + 2):
                    for one, other in zip(own[replica], all_shares[replica], strict=True):
                        np.testing.assert_array_equal(one, other)
            division = Division(mine[side], data.side(side), Thread(number, threading.Barrier(WORKERS), []))
            computed = [entity for batch, replica in division.shares for entity in batch.entities(replica)]
            np.testing.assert_array_equal(np.sort(computed), np.flatnonzero(division.own & (mine[side].rows > 0)))
    assert list(held.values()) == [len(whole.user.rating)] * 2


def test_the_chief_reads_the_ratings_of_all_users_again(folder: Path, whole: RatingSequences) -> None:
    data = own_data(folder, 0)
    users = data.all_users()
    for split in Split:
        one, other = users.interactions([split]), whole.interactions([split])
        for column in ("user", "item", "rating", "timestamp"):
            np.testing.assert_array_equal(getattr(one, column), getattr(other, column))
        assert data.sequences.count(split) == len(other)
    given = TrainingData(whole, CONFIG, REPLICAS, Thread(0, threading.Barrier(WORKERS), []))
    assert given.all_users() is given.sequences is whole


def test_what_needs_all_ratings_is_refused(folder: Path) -> None:
    data = own_data(folder, 1).sequences
    with pytest.raises(ValueError, match="this worker has those of its own users alone"):
        data.without([Split.TEST])
    for inputs in ({"inputs": "innovations"}, {"bayesian_factors": 2}):
        with pytest.raises(ValueError, match="this worker has its own entities'"):
            StepStates(random_model(data, "lstm", **inputs), data, plans_of(data))
    with pytest.raises(ValueError, match="states can no longer be refreshed"):
        StepStates(random_model(data, "lstm"), data, plans_of(data)).refresh_all()


@pytest.mark.slow
def test_states_and_figures_are_those_of_one_worker(folder: Path, whole: RatingSequences) -> None:
    model = random_model(whole, "lstm")

    def work(data: RatingSequences, peers: Peers) -> tuple[dict[str, StepStates], Any]:
        states = StepStates(model, data, plans_of(data), peers=peers)
        states.refresh_all()
        streamed = streaming_states(model, data, 64, peers=peers)
        by_protocol = {FROZEN: states, STREAMING: streamed}
        scorer = ValidationScorer({FROZEN: states})
        figures = evaluate(by_protocol), parts_alone(by_protocol, list(Split)), scorer.score()[1], scorer.figures()
        states.end_division()
        return by_protocol, figures

    alone, expected = work(whole, Peers())
    for states, figures in together(WORKERS, lambda peers: work(own_data(folder, peers.number).sequences, peers)):
        assert flat(figures) == pytest.approx(flat(expected), rel=1e-6)
        for protocol, of in states.items():
            for side in SIDES:
                np.testing.assert_allclose(of.vectors[side], alone[protocol].vectors[side], rtol=1e-5, atol=1e-6)
        for side in SIDES:
            data = whole.side(side)
            planned = data.place < alone[FROZEN].plans[side].rows[data.row_entity]
            one, other = (np.array(of[FROZEN].vectors[side])[planned] for of in (states, alone))
            np.testing.assert_array_equal(one, other)
            entities = (of[FROZEN].entities[side].by_entity for of in (states, alone))
            for one, other in zip(*entities, strict=True):
                np.testing.assert_array_equal(one, other, err_msg=one.name)


def flat(figures: Any) -> list[float]:
    if isinstance(figures, dict):
        figures = [figures[key] for key in sorted(figures)]
    return [x for of in figures for x in flat(of)] if isinstance(figures, (list, tuple)) else [float(figures)]
