"""The mixture: one distribution, causal to the bit, trained with averages that a resumed training goes on from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import ConfigError, config_from_dict, config_to_dict
from rrn_tf.data.event_context import with_context
from rrn_tf.data.event_scores import positions_of
from rrn_tf.data.events import EventSequences
from rrn_tf.data.shared_counts import SharedCounts
from rrn_tf.evaluation.event_protocols import CLEAN
from rrn_tf.evaluation.network_scores import MixtureEventModel, network_figures
from rrn_tf.features import Split
from rrn_tf.layers.candidates import candidates
from rrn_tf.layers.history_copy import FEATURES as COPY_FEATURES
from rrn_tf.models.collaborative_mixture import CollaborativeMixture, StepContext
from rrn_tf.states.event_states import EventRoller
from rrn_tf.training.listeners import Listener
from rrn_tf.training.truncated_bptt import CollaborativeResult, train
from tests.events import RHYTHMIC_ITEMS, events_of_kinds, rhythmic_events, small_mixture, with_items

ITEMS, WINDOW = RHYTHMIC_ITEMS, 6


@pytest.fixture(scope="module")
def sequences() -> EventSequences:
    return rhythmic_events()


@pytest.fixture(scope="module")
def trained(sequences: EventSequences, tmp_path_factory: pytest.TempPathFactory) -> CollaborativeResult:
    return train(sequences, tmp_path_factory.mktemp("mixture"), small_mixture(4))


def as_event_model(result: CollaborativeResult) -> MixtureEventModel:
    assert isinstance(result.model, CollaborativeMixture)
    assert result.counts is not None
    return MixtureEventModel(result.model, result.counts, "mixture")


def test_it_learns(trained: CollaborativeResult) -> None:
    losses = [record.train_nll for record in trained.history]
    assert losses[-1] < losses[0]
    assert min(record.valid_nll for record in trained.history) < np.log(ITEMS)


def test_the_two_scorers_agree(trained: CollaborativeResult) -> None:
    """Log-likelihoods along sequences, as trained on, and whole distributions, as served."""
    figures = network_figures(trained.model, trained.sequences, CLEAN, counts=trained.counts)
    for split in ("valid", "test"):
        assert figures[split]["nll"] == pytest.approx(trained.metrics[split][CLEAN]["nll"], rel=1e-5)
    losses = [record.valid_nll for record in trained.history]
    assert figures["valid"]["nll"] == pytest.approx(min(losses), rel=1e-5), "the kept weights are those validated"


def test_probabilities_add_up_to_one(trained: CollaborativeResult) -> None:
    model, positions = as_event_model(trained), positions_of(trained.sequences, [Split.TEST])
    # The first event of a user has no past and no 2-gram to go by.
    positions = np.append(positions, trained.sequences.user_splits[1])
    contexts = model._contexts(trained.sequences, positions)
    np.testing.assert_allclose(np.exp(model._distribution(contexts)).sum(axis=1), 1, rtol=1e-5)


def test_the_future_changes_not_one_bit(trained: CollaborativeResult) -> None:
    sequences, model, counts = trained.sequences, trained.model, trained.counts
    assert counts is not None
    test = sequences.split == Split.TEST
    last = np.append(sequences.user[1:] != sequences.user[:-1], True)
    first_test = test & np.append(False, ~test[:-1])
    changed = np.where(test & ~first_test, sequences.item % ITEMS + 1, sequences.item)
    other = with_context(with_items(sequences, changed), counts, WINDOW, clock=True)
    asked = np.flatnonzero(first_test & ~last)
    found = [as_event_model(trained).log_probabilities(of, asked) for of in (sequences, other)]
    np.testing.assert_array_equal(*found)
    assert (changed != sequences.item).any()
    roller = EventRoller(model)
    np.testing.assert_array_equal(roller.states(sequences), roller.states(other))


@pytest.mark.slow
@pytest.mark.parametrize(
    "model", [{"matrices": "personal"}, {"matrices": "low-rank", "rank": 2}, {"attention": 0}, {"clock": False}]
)
def test_other_forms_train_too(model: dict[str, Any], sequences: EventSequences, tmp_path: Path) -> None:
    result = train(sequences, tmp_path, small_mixture(2, **model))
    figures = network_figures(result.model, result.sequences, CLEAN, counts=result.counts)
    assert figures["valid"]["nll"] == pytest.approx(result.metrics["valid"][CLEAN]["nll"], rel=1e-5)


@pytest.mark.slow
def test_without_a_clock_times_do_not_matter(sequences: EventSequences, tmp_path: Path) -> None:
    result, order = train(sequences, tmp_path, small_mixture(1, clock=False)), np.arange(len(sequences.item))
    other = replace(sequences, timestamp=order)
    positions = positions_of(sequences, [Split.TEST])
    counts = SharedCounts(other)
    other = with_context(other, counts, WINDOW, clock=False)
    model = as_event_model(result)
    found = [model.log_probabilities(of, positions) for of in (result.sequences, other)]
    np.testing.assert_array_equal(*found)


@pytest.mark.slow
def test_parts_that_are_left_out_neither_count_nor_learn(sequences: EventSequences, tmp_path: Path) -> None:
    without = ["hour", "following", "meeting", "network", "gate"]
    result, start = (
        train(sequences, tmp_path / str(epochs), small_mixture(epochs, without=without)) for epochs in (2, 0)
    )
    learned = {
        variable.name.split(":")[0]: (variable.numpy() != before.numpy())
        for variable, before in zip(result.model.variables, start.model.variables, strict=True)
    }
    assert learned["copy/kernel"].any(axis=0).tolist() == [name != "day" for name in COPY_FEATURES]
    attention = result.model.attention
    assert attention is not None
    assert attention.recency.without == ("hour",)
    assert not learned["gate/of_features"].any()
    assert not learned["gate/of_states"].any()
    assert not learned["item_bias"].any()
    assert learned["gate/bias"].sum() == 5 + 2  # of copy heads, popularity and uniform
    model, last = as_event_model(result), sequences.user_splits[2:] - 1
    expected = np.exp(model._distribution(model._contexts(result.sequences, last)))
    np.testing.assert_allclose(expected.sum(axis=1), 1, rtol=1e-5)
    figures = network_figures(result.model, result.sequences, CLEAN, counts=result.counts)
    assert figures["test"]["nll"] == pytest.approx(result.metrics["test"][CLEAN]["nll"], rel=1e-5)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"without": ["luck"]}, r"model.without.0: Input should be 'recency', 'hour', .* or 'gate', found 'luck'"),
        ({"without": ["uniform", "network", "popularity"]}, "without should leave one of network, popularity, uniform"),
        ({"without": ["hour"], "mixture": False}, "without should be empty where mixture=false, found hour"),
    ],
)
def test_parts_that_cannot_be_left_out_are_refused(model: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        small_mixture(1, **model)


@pytest.mark.slow
def test_attention_learns_what_follows_upon_what_for_each_user(tmp_path: Path) -> None:
    """No item's followers are the same for all, and few pairs of items ever come again: kinds must be understood."""
    sequences, best = events_of_kinds(0)
    found = {}
    for attention in (0, 2):
        sizes = {"units": 16, "stationary": 4, "window": 64, "clock": False, "attention": attention}
        values = config_to_dict(small_mixture(8, **sizes))
        values["training"] |= {"users_per_batch": 10, "chunk": 30, "learning_rate": 0.01, "dropout": 0.2}
        result = train(sequences, tmp_path / str(attention), config_from_dict(values, CollaborativeConfig))
        found[attention] = result.metrics["valid"][CLEAN]["nll"]
    assert found[2] < best + 0.1 < found[0] - 0.2


class _Stop(Listener):
    def on_batch(self, epoch: int, phase: str, done: int, of: int) -> None:
        if epoch == 3 and done == 2:
            raise KeyboardInterrupt


@pytest.mark.slow
def test_resumed_training_ends_in_the_same_bits(
    trained: CollaborativeResult, sequences: EventSequences, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(sequences, tmp_path, small_mixture(4), listeners=[_Stop()])
    resumed = train(sequences, tmp_path, small_mixture(4), resume=True)
    for one, two in zip(resumed.model.get_weights(), trained.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert resumed.best_epoch == trained.best_epoch


def test_what_a_mixture_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"a mixture should have training.stationary_l2=0, found 0.1"):
        config_from_dict(
            {"model": {"mixture": True, "activation": "tanh"}, "training": {"stationary_l2": 0.1}}, CollaborativeConfig
        )


def sampled(samples: int, epochs: int) -> CollaborativeConfig:
    values = config_to_dict(small_mixture(epochs))
    values["training"].update(softmax="sampled", samples=samples)
    return config_from_dict(values, CollaborativeConfig)


@pytest.mark.slow
def test_a_small_catalogue_is_not_sampled(
    trained: CollaborativeResult, sequences: EventSequences, tmp_path: Path
) -> None:
    result = train(sequences, tmp_path, sampled(ITEMS, 4))
    for one, two in zip(result.model.get_weights(), trained.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_sampled_items_train_about_as_all_do(
    trained: CollaborativeResult, sequences: EventSequences, tmp_path: Path
) -> None:
    result = train(sequences, tmp_path, sampled(2, 4))
    for one, two in zip(result.history, trained.history, strict=True):
        assert one.train_nll != two.train_nll
        assert one.valid_nll == pytest.approx(two.valid_nll, abs=0.1)
    assert result.history[-1].train_nll < result.history[0].train_nll


def test_candidates_that_are_all_items_give_the_whole_likelihood(trained: CollaborativeResult) -> None:
    """And the gradient of the whole, which is computed in tiles."""
    model, rng = trained.model, np.random.default_rng(0)
    assert isinstance(model, CollaborativeMixture)
    target = tf.constant(rng.integers(0, ITEMS + 1, (2, 3)), tf.int32)
    items = rng.integers(1, ITEMS + 1, (2, WINDOW + 4))
    context = StepContext(
        tf.constant(np.append(items[:, :-3], target, axis=1), tf.int32),
        tf.constant(np.sort(rng.integers(0, 10**6, items.shape), axis=1)),
        tf.constant(rng.normal(size=(2, 3, model.settings["features"])), tf.float32),
        tf.constant(rng.normal(size=(2, 3, model.settings["shared"])) - 3, tf.float32),
    )
    states = tf.constant(rng.normal(size=(2, 3, 4)), tf.float32)
    factors = tf.constant(rng.normal(size=(2, 2)), tf.float32)
    found = []
    for among in (None, candidates(target, ITEMS, ITEMS, tf.constant([1, 2]))):
        with tf.GradientTape() as tape:
            likelihood = model.mixed(states, factors, target, context, among=among)
            loss = tf.reduce_sum(likelihood)
        found.append([likelihood, *(tf.convert_to_tensor(g) for g in tape.gradient(loss, model.of_items))])
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)


def test_a_mixture_of_another_cell_is_refused() -> None:
    with pytest.raises(ConfigError, match="a mixture should have cell=gru and activation=tanh, found rnn and tanh"):
        small_mixture(1, cell="rnn")


@pytest.mark.slow
def test_two_replicas_take_the_same_steps(sequences: EventSequences, two_replicas: Any, tmp_path: Path) -> None:
    values = config_to_dict(small_mixture(2))
    values["training"]["dropout"] = 0.0  # each replica has draws of its own
    settings = config_from_dict(values, CollaborativeConfig)
    one = train(sequences, tmp_path / "one", settings)
    two = train(sequences, tmp_path / "two", settings, strategy=two_replicas)
    for mine, theirs in zip(one.history, two.history, strict=True):
        assert mine.train_nll == pytest.approx(theirs.train_nll, rel=1e-4)
        assert mine.valid_nll == pytest.approx(theirs.valid_nll, rel=1e-4)


@pytest.mark.slow
def test_two_replicas_sample_items_of_their_own(sequences: EventSequences, two_replicas: Any, tmp_path: Path) -> None:
    result = train(sequences, tmp_path, sampled(2, 2), strategy=two_replicas)
    assert result.history[-1].train_nll < result.history[0].train_nll
