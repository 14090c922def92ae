"""What a saved mixture of a network and past events answers."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from rrn_tf import features
from rrn_tf.features import HISTORY, HISTORY_TIMESTAMP, TIMESTAMP, USER_ID
from rrn_tf.models.collaborative_mixture import CollaborativeMixture, StepContext
from rrn_tf.serving.next_items import SERVED, NextItems, mean_first
from rrn_tf.serving.past_events import PastEvents, next_features
from rrn_tf.serving.requests import answer_width, bounded, same_rows, same_widths
from rrn_tf.serving.served_counts import ServedCounts
from rrn_tf.training.truncated_bptt import CollaborativeResult

_TINY = 1e-30


class MixtureServing(NextItems):
    """What a saved mixture answers.

    A user stands where the training events left the state and the past. The events since then come with the request
    and are added to both; nothing is retrained. Items that training did not know are passed over. A user without
    training events has the events of the request alone.

    Args:
      result: a trained mixture with its states and counts.
      assets: directory for the vocabulary files while the model is saved.
    """

    def __init__(self, result: CollaborativeResult, assets: Path) -> None:
        super().__init__(result, assets)
        trained, counts = result.model, result.counts
        assert isinstance(trained, CollaborativeMixture)
        assert counts is not None
        model = CollaborativeMixture(**trained.settings)
        model.set_weights(trained.get_weights())
        for table in model.cell.personal:
            table.assign(mean_first(table.numpy()))
        self._clock = trained.settings["clock"]
        self.past = PastEvents(result.sequences, trained.window)
        self.counts = ServedCounts(counts, self.past)
        self.weights = list(model.variables)
        # Hidden in partials: saving the Keras object would trace every layer.
        self._distributions = functools.partial(model.distributions)
        self._embed, self._matrices = functools.partial(model.embed), functools.partial(model.cell.matrices)
        self._transition = functools.partial(model.cell.transition)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, USER_ID),
            tf.TensorSpec([None, None], tf.string, HISTORY),
            tf.TensorSpec([], tf.int32, "k"),
        ]
    )
    def next_items(self, user_id: tf.Tensor, history: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        """The most probable next items, [N, min(k, items)], and their log-probabilities, falling.

        All is as if it were the time of the user's last training event; `next_items_at` knows better.

        Args:
          user_id: string[N].
          history: string[N, T], the items of the user's events since training, in order; empty strings pad.
          k: int32[], how many items.
        """
        user_id, history = same_rows(user_id=user_id, history=history)
        user, item = self._indices(user_id, history)
        nothing = tf.zeros([tf.shape(user)[0], 0], tf.int64)
        now = self.past.until_now(user, tf.cast(nothing, tf.int32), nothing).time[:, -1]
        return self._next(user, item, tf.repeat(now[:, tf.newaxis], tf.shape(item)[1], axis=1), now, k)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, USER_ID),
            tf.TensorSpec([None, None], tf.string, HISTORY),
            tf.TensorSpec([None, None], tf.int64, HISTORY_TIMESTAMP),
            tf.TensorSpec([None], tf.int64, TIMESTAMP),
            tf.TensorSpec([], tf.int32, "k"),
        ]
    )
    def next_items_at(
        self,
        user_id: tf.Tensor,
        history: tf.Tensor,
        history_timestamp: tf.Tensor,
        timestamp: tf.Tensor,
        k: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """The same as of a time.

        Args:
          user_id, history, k: as those of `next_items`.
          history_timestamp: int64[N, T], unix seconds of the events.
          timestamp: int64[N], unix seconds of the next event.
        """
        user_id, history, history_timestamp, timestamp = same_rows(
            user_id=user_id, history=history, history_timestamp=history_timestamp, timestamp=timestamp
        )
        history, history_timestamp = same_widths(history=history, history_timestamp=history_timestamp)
        user, item = self._indices(user_id, history)
        return self._next(user, item, bounded(history_timestamp), bounded(timestamp), k)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def next_items_of_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """As `next_items` with 10 items, from serialized `tf.Example` protos."""
        parsed = tf.io.parse_example(examples, features.history_example_spec())
        return self.next_items(parsed[USER_ID], parsed[HISTORY].to_tensor(""), tf.constant(SERVED))

    def _next(
        self, user: tf.Tensor, item: tf.Tensor, time: tf.Tensor, now: tf.Tensor, k: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        (item,) = same_widths(history=item)
        width = answer_width(k, tf.size(user), tf.size(self.item_ids) - 1)

        def best(user: tf.Tensor, item: tf.Tensor, time: tf.Tensor, now: tf.Tensor) -> Sequence[tf.Tensor]:
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

            states = self._rolled(user, item, self._embed, step)
            found = self._distributions(states, user, context)
            return tf.math.top_k(tf.math.log(tf.maximum(found, _TINY)), width)

        return self._answer(best, (user, item, time, now))
