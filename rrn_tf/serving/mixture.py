"""The signatures of a saved mixture of a network, the user's past events and counts of other users' events."""

from __future__ import annotations

import functools
from pathlib import Path

import tensorflow as tf

from rrn_tf.models.collaborative_mixture import CollaborativeMixture, StepContext
from rrn_tf.serving.next_items import NextItems, mean_first
from rrn_tf.serving.past_events import PastEvents, next_features
from rrn_tf.serving.served_counts import ServedCounts
from rrn_tf.states.event_snapshot import EventSnapshot

_TINY = 1e-30


class MixtureServing(NextItems):
    """The signatures of a saved mixture.

    A user's stored state and past events are those after training; the events since then are part of the request and
    update both, without retraining. Items without training events are ignored. A user without training events has only
    the events of the request.

    Args:
      result: a trained mixture with its states and counts.
      assets: directory for the vocabulary files while the model is saved.
    """

    def __init__(self, result: EventSnapshot, assets: Path) -> None:
        trained, counts = result.model, result.counts
        assert isinstance(trained, CollaborativeMixture)
        assert counts is not None
        past = PastEvents(result.sequences, trained.window, result.held_out)
        super().__init__(result, past, assets)
        model = CollaborativeMixture(**trained.settings)
        model.set_weights(trained.get_weights())
        for table in model.cell.personal:
            table.assign(mean_first(table.numpy()))
        self._clock = trained.settings["clock"]
        self.counts = ServedCounts(counts, past)
        self.weights = list(model.variables)
        # Hidden in partials: saving the Keras object would trace every layer.
        self._distributions = functools.partial(model.distributions)
        self._enter, self._matrices = functools.partial(model.enter), functools.partial(model.cell.matrices)
        self._vectors = model.items
        self._transition = functools.partial(model.cell.transition)

    def log_probabilities(self, user: tf.Tensor, item: tf.Tensor, time: tf.Tensor, now: tf.Tensor) -> tf.Tensor:
        """As `NextItems.log_probabilities`."""
        past = self.past.until_now(user, tf.cast(item, tf.int32), time)
        shared, others = self.counts.distributions(user, past.item[:, -1])
        context = StepContext(
            tf.pad(past.item, [[0, 0], [0, 1]]),
            tf.concat([past.time, now[:, tf.newaxis]], axis=1),
            next_features(past, others, now, clock=self._clock)[:, tf.newaxis],
            shared,
        )
        matrices = self._matrices(user)

        def step(embedded: list[tf.Tensor], state: tf.Tensor) -> tf.Tensor:
            return self._transition(embedded, state, matrices)

        def embed(met: tf.Tensor) -> list[tf.Tensor]:
            # Not in the variable itself, which TensorFlow would copy from then on whenever it is read.
            return self._enter(tf.gather(tf.convert_to_tensor(self._vectors), met))

        states = self._rolled(user, item, embed, step)
        return tf.math.log(tf.maximum(self._distributions(states, user, context), _TINY))
