"""What a network expected before each event of a user."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.config import config_to_dict
from rrn_tf.data.events import EventSequences
from rrn_tf.evaluation.experiments.subjects import EventSubject
from rrn_tf.evaluation.next_items import next_items_through
from rrn_tf.features import Split
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.training.truncated_bptt import counted, make_model
from tests.events import RHYTHMIC_ITEMS, rhythmic_events, small_mixture, with_items


@pytest.fixture(scope="module")
def sequences() -> EventSequences:
    return rhythmic_events()


@pytest.fixture(scope="module")
def network(sequences: EventSequences) -> CollaborativeRNN:
    tf.keras.utils.set_random_seed(1)
    return CollaborativeRNN(sequences.num_users, sequences.num_items, units=3)


@pytest.fixture(scope="module")
def mixture(sequences: EventSequences) -> EventSubject:
    tf.keras.utils.set_random_seed(2)
    config = small_mixture(0)
    model = make_model(config, counted(config, sequences)[0])
    return EventSubject(sequences, model, config_to_dict(config), {}, dict)


def test_rows_are_the_networks_own_distributions(network: CollaborativeRNN, sequences: EventSequences) -> None:
    user, k = 3, 4
    found = next_items_through(EventSubject(sequences, network, {}, {}, dict), f"u{user - 1}", k)
    begin, end = sequences.user_splits[user : user + 2]
    state = network.cell.initial_state(1)
    assert len(found) == end - begin
    for row, position in zip(found.itertuples(), range(begin, end), strict=True):
        p = tf.nn.softmax(state @ network.softmax.kernel).numpy()[0]
        best = sorted(range(RHYTHMIC_ITEMS), key=lambda item, of=p: -of[item])[:k]
        assert row.event == position - begin + 1
        assert row.timestamp == sequences.timestamp[position]
        assert row.split == Split(sequences.split[position]).label
        assert row.item == f"i{sequences.item[position] - 1}"
        assert row.probability == pytest.approx(p[sequences.item[position] - 1], rel=1e-4)
        np.testing.assert_allclose(row.probabilities, p[best], rtol=1e-4)
        if row.event > 1:  # before the first, the zero state finds all items alike
            assert row.items == [f"i{item}" for item in best]
            assert row.rank == 1 + (p > p[sequences.item[position] - 1]).sum()
        state = network.cell.step(tf.constant([user]), tf.constant([sequences.item[position]]), state)


def test_no_row_knows_its_own_item_or_a_later_one(mixture: EventSubject, sequences: EventSequences) -> None:
    end = int(sequences.user_splits[2])
    row = int(np.flatnonzero(sequences.split[:end] == Split.TEST)[0])
    items, times = sequences.item.copy(), sequences.timestamp.copy()
    items[row:end] = items[row:end] % RHYTHMIC_ITEMS + 1
    times[row + 1 : end] += 7 * 3_600
    changed = replace(mixture, sequences=replace(with_items(sequences, items), timestamp=times))
    before, after = (next_items_through(of, "u0", 5).drop(columns=["timestamp", "item"]) for of in (mixture, changed))
    assert before.iloc[:row].equals(after.iloc[:row])
    assert before.loc[row, "items"] == after.loc[row, "items"]
    assert before.loc[row, "probabilities"] == after.loc[row, "probabilities"]
    assert before.loc[row + 1, "probabilities"] != after.loc[row + 1, "probabilities"]


def test_the_mixture_is_asked_with_its_context(mixture: EventSubject, sequences: EventSequences) -> None:
    found = next_items_through(mixture, "u2", RHYTHMIC_ITEMS + 5, latest=4)
    events = int(np.diff(sequences.user_splits)[3])
    assert found["event"].tolist() == [*range(events - 3, events + 1)]
    np.testing.assert_allclose(found["probabilities"].map(sum), 1, rtol=1e-5)
    assert found["items"].map(len).tolist() == [RHYTHMIC_ITEMS] * 4
    for row in found.itertuples():
        assert row.probabilities[row.items.index(row.item)] == pytest.approx(row.probability)


@pytest.mark.parametrize(("user", "k", "latest"), [("nobody", 3, None), ("u0", 0, None), ("u0", 3, 0)])
def test_what_cannot_be_answered_is_refused(
    user: str, k: int, latest: int | None, network: CollaborativeRNN, sequences: EventSequences
) -> None:
    with pytest.raises(ValueError, match=r"found (k=|'nobody')"):
        next_items_through(EventSubject(sequences, network, {}, {}, dict), user, k, latest)
