"""A network among the models of events."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.data.event_scores import middle_ranks, positions_of
from rrn_tf.data.events import EventSequences
from rrn_tf.evaluation.event_protocols import CLEAN, INTERLEAVED, scored_positions
from rrn_tf.evaluation.network_scores import EnsembleEventModel, NetworkEventModel, event_model, network_figures
from rrn_tf.features import Split
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.states.event_states import EventRoller
from rrn_tf.training.truncated_bptt import counted, make_model
from tests.events import rhythmic_events, small_mixture

LENGTHS = (150, 1, 7, 70)
ITEMS = 11


@pytest.fixture(scope="module")
def sequences() -> EventSequences:
    rng, total = np.random.default_rng(3), sum(LENGTHS)
    later = [(n - 1) and 5 for n in LENGTHS]
    order = [Split.TRAIN, Split.VALID, Split.TEST]
    split = [np.repeat(order, [n - k, k // 2, k - k // 2]) for n, k in zip(LENGTHS, later, strict=True)]
    return EventSequences(
        user_splits=np.concatenate([[0], np.cumsum([0, *LENGTHS])]).astype(np.int64),
        item=rng.integers(1, ITEMS + 1, total).astype(np.int32),
        timestamp=np.arange(total),
        split=np.concatenate(split).astype(np.uint8),
        user_ids=np.array([f"u{n}" for n in range(len(LENGTHS))], dtype=object),
        item_ids=np.array([f"i{n}" for n in range(ITEMS)], dtype=object),
    )


@pytest.fixture(scope="module")
def network() -> CollaborativeRNN:
    tf.keras.utils.set_random_seed(4)
    return CollaborativeRNN(len(LENGTHS), ITEMS, units=5)


def expected(network: CollaborativeRNN, sequences: EventSequences, position: int) -> np.ndarray:
    """Log-probabilities of all items at a position, a step at a time."""
    user = int(sequences.user[position])
    state = network.cell.initial_state(1)
    for item in sequences.item[sequences.user_splits[user] : position]:
        state = network.cell.step(tf.constant([user]), tf.constant([item]), state)
    return tf.nn.log_softmax(state @ network.softmax.kernel).numpy()[0]


def test_each_event_is_predicted_from_all_before_it(network: CollaborativeRNN, sequences: EventSequences) -> None:
    positions = np.array([150, 149, 0, 1, 64, 65, 153, 227, 151])  # first events, chunk ends, and no order
    model = NetworkEventModel(network, "net")
    rows = np.stack([expected(network, sequences, p) for p in positions])
    true = sequences.item[positions] - 1
    np.testing.assert_allclose(
        model.log_probabilities(sequences, positions), rows[np.arange(len(rows)), true], rtol=1e-5, atol=1e-5
    )
    np.testing.assert_array_equal(model.ranks(sequences, positions), middle_ranks(rows, true))
    assert model.num_parameters == sum(v.shape.num_elements() for v in network.trainable_variables)


def test_an_ensemble_is_the_mean_of_probabilities(network: CollaborativeRNN, sequences: EventSequences) -> None:
    tf.keras.utils.set_random_seed(5)
    other = CollaborativeRNN(len(LENGTHS), ITEMS, units=3, stationary=2)
    ensemble = [NetworkEventModel(one, "one") for one in (network, other)]
    positions = np.arange(140, 160)
    together = EnsembleEventModel(ensemble, "both")
    alone = [np.exp(member.log_probabilities(sequences, positions)) for member in ensemble]
    found = np.exp(together.log_probabilities(sequences, positions))
    np.testing.assert_allclose(found, np.mean(alone, axis=0), rtol=1e-5)
    assert np.abs(alone[0] - alone[1]).max() > 1e-4
    assert together.num_parameters == sum(member.num_parameters for member in ensemble)


def test_figures_by_split_and_protocol(network: CollaborativeRNN, sequences: EventSequences) -> None:
    for protocol in (CLEAN, INTERLEAVED):
        figures = network_figures(network, sequences, protocol)
        for split in (Split.VALID, Split.TEST):
            positions = scored_positions(sequences, split, protocol)
            of = figures[split.label]
            loss = [-expected(network, sequences, p)[sequences.item[p] - 1] for p in positions]
            users = sequences.user[positions]
            assert of["nll"] == pytest.approx(
                np.mean([np.mean(np.array(loss)[users == user]) for user in np.unique(users)]), rel=1e-5
            )
            assert (of["n"], of["users"]) == (len(positions), len(np.unique(users)))
            assert 0 < of["mrr"] <= 1


def test_without_training_events_nothing_tells_kinds_apart(
    network: CollaborativeRNN, sequences: EventSequences
) -> None:
    later = sequences.taken(sequences.split != Split.TRAIN)
    found, whole = (network_figures(network, of, CLEAN)["test"] for of in (later, sequences))
    assert "slices" not in found
    for rows in whole["slices"].values():
        assert sum(row["n"] for row in rows) == whole["n"]


def test_states_after_training_stand_for_the_training_events(
    network: CollaborativeRNN, sequences: EventSequences
) -> None:
    start, positions = EventRoller(network).states(sequences), positions_of(sequences, [Split.VALID, Split.TEST])
    whole, later = (
        NetworkEventModel(network, "net", of).log_probabilities(sequences, positions) for of in (None, start)
    )
    np.testing.assert_allclose(whole, later, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["network", "mixture"])
def test_discovery_ranks_new_items_alone(kind: str, network: CollaborativeRNN, sequences: EventSequences) -> None:
    counts = None
    if kind == "mixture":
        sequences, counts = counted(small_mixture(0), rhythmic_events())
        model = make_model(small_mixture(0), sequences)
        of_all = event_model(model, counts, "mixture")
        rows = of_all._distribution(of_all._contexts(sequences, np.arange(len(sequences.item))))
    else:
        model, rows = network, {}
    found = network_figures(model, sequences, CLEAN, counts=counts, new_only=True)["test"]
    losses: dict[int, list[float]] = {}
    gains: dict[int, list[float]] = {}
    repeats = 0
    for position in positions_of(sequences, [Split.TEST]).tolist():
        user, item = int(sequences.user[position]), int(sequences.item[position])
        earlier = set(sequences.item[sequences.user_splits[user] : position].tolist())
        if item in earlier:
            repeats += 1
            continue
        row = rows[position] if counts else expected(network, sequences, position)
        p = {other + 1: math.exp(row[other]) for other in range(len(row)) if other + 1 not in earlier}
        losses.setdefault(user, []).append(-math.log(p[item] / sum(p.values())))
        gains.setdefault(user, []).append(1 / (1 + sum(other > p[item] for other in p.values())))
    assert repeats > 0
    assert (found["users"], found["n"]) == (len(losses), sum(map(len, losses.values())))
    assert found["repeats_left_out"] == repeats
    assert found["nll"] == pytest.approx(np.mean([np.mean(of) for of in losses.values()]), rel=1e-4)
    assert found["mrr"] == pytest.approx(np.mean([np.mean(of) for of in gains.values()]), rel=1e-4)
    assert [row["slice"] for row in found["slices"]["item"]] == ["new to the user"]
