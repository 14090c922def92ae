"""The SavedModel of a Collaborative RNN: the next items of a user; needs nothing but TensorFlow to serve."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf import features
from rrn_tf.features import HISTORY, HISTORY_TIMESTAMP, TIMESTAMP, USER_ID, Split
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.serving.mixture import MixtureServing
from rrn_tf.serving.model_card import ModelFacts, write_card
from rrn_tf.serving.next_items import SERVED, NextItems, mean_first
from rrn_tf.serving.requests import answer_width, same_rows, same_widths
from rrn_tf.serving.warmup import example, write_warmup
from rrn_tf.training.truncated_bptt import CollaborativeResult


class EventServing(NextItems):
    """What a saved Collaborative RNN answers.

    A user stands where the training events left the state. The events since then come with the request and move that
    state; nothing is retrained. A user without training events starts from the zero state, with the mean of all users'
    recurrent matrices. Items that training did not know are passed over.

    Args:
      result: a trained network with its states.
      assets: directory for the vocabulary files while the model is saved.
    """

    def __init__(self, result: CollaborativeResult, assets: Path) -> None:
        super().__init__(result, assets)
        model, cell = result.model, result.model.cell
        assert isinstance(model, CollaborativeRNN)
        self._personal = bool(cell.personal)
        self.recurrent = [
            _constant(mean_first(table.numpy()) if cell.personal else table.numpy(), f"recurrent_{block}")
            for block, table in zip(cell.blocks, cell.recurrent, strict=True)
        ]
        self.embedding = [
            _constant(table.numpy(), f"embedding_{block}")
            for block, table in zip(cell.blocks, cell.embedding, strict=True)
        ]
        self.factors = _constant(model.stationary.table.numpy(), "factors")
        self.kernel = _constant(model.softmax.kernel.numpy(), "kernel")
        # Hidden in a partial: saving the Keras object would trace every layer.
        self._transition = functools.partial(cell.transition)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, USER_ID),
            tf.TensorSpec([None, None], tf.string, HISTORY),
            tf.TensorSpec([], tf.int32, "k"),
        ]
    )
    def next_items(self, user_id: tf.Tensor, history: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        """The most probable next items, [N, min(k, items)], and their log-probabilities, falling.

        Args:
          user_id: string[N].
          history: string[N, T], the items of the user's events since training, in order; empty strings pad.
          k: int32[], how many items.
        """
        user_id, history = same_rows(user_id=user_id, history=history)
        (history,) = same_widths(history=history)
        width = answer_width(k, tf.size(user_id), tf.size(self.item_ids) - 1)

        def best(user: tf.Tensor, item: tf.Tensor) -> Sequence[tf.Tensor]:
            known = tf.cast(user > 0, tf.float32)[:, tf.newaxis]
            matrices = [tf.gather(table, user) if self._personal else table for table in self.recurrent]

            def step(embedded: list[tf.Tensor], state: tf.Tensor) -> tf.Tensor:
                return self._transition(embedded, state, matrices)

            state = self._rolled(user, item, lambda met: [tf.gather(table, met) for table in self.embedding], step)
            beside = tf.concat([state, known * tf.gather(self.factors, user)], axis=1)
            return tf.math.top_k(tf.nn.log_softmax(tf.matmul(beside, self.kernel)), width)

        return self._answer(best, self._indices(user_id, history))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def next_items_of_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """As `next_items` with 10 items, from serialized `tf.Example` protos."""
        parsed = tf.io.parse_example(examples, features.history_example_spec())
        return self.next_items(parsed[USER_ID], parsed[HISTORY].to_tensor(""), tf.constant(SERVED))


def export_event_model(result: CollaborativeResult, path: str | Path) -> None:
    """Writes a SavedModel with the signatures `serving_default` and `next_items`; of a mixture `next_items_at` too.

    Args:
      result: a trained network.
      path: the SavedModel's directory.
    """
    with tempfile.TemporaryDirectory() as assets:
        mixture = isinstance(result.model, CollaborativeMixture)
        module = (MixtureServing if mixture else EventServing)(result, Path(assets))
        signatures = {"serving_default": module.next_items_of_examples, "next_items": module.next_items}
        if isinstance(module, MixtureServing):
            signatures["next_items_at"] = module.next_items_at
        tf.saved_model.save(module, str(path), signatures=signatures)
    write_card(Path(path), _facts(result))
    user, items = str(result.sequences.user_ids[0]), [str(name) for name in result.sequences.item_ids[:2]]
    typical: dict[str, dict[str, Any]] = {
        "serving_default": {"examples": [example(**{USER_ID: [user], HISTORY: items})]},
        "next_items": {USER_ID: [user, ""], HISTORY: [items[:1], [""]], "k": np.int32(SERVED)},
    }
    if mixture:
        now = int(result.sequences.timestamp.max(initial=0))
        typical["next_items_at"] = {
            **typical["next_items"],
            HISTORY_TIMESTAMP: np.full([2, 1], now),
            TIMESTAMP: np.full([2], now),
        }
    write_warmup(Path(path), typical)


def _facts(result: CollaborativeResult) -> ModelFacts:
    sequences = result.sequences
    knows_time = isinstance(result.model, CollaborativeMixture) and result.model.settings["clock"]
    clock = () if knows_time else ("The model knows the order of events, not the time between them.",)
    counts = np.bincount(sequences.split, minlength=len(Split))
    return ModelFacts(
        model="Collaborative Recurrent Neural Network",
        purpose="Says which items a user is likely to meet next, after the events so far.",
        data={
            "users": sequences.num_users,
            "items": sequences.num_items,
            **{f"{split.label} events": int(counts[split]) for split in Split if counts[split]},
        },
        period={
            "first event": int(sequences.timestamp.min(initial=0)),
            "last event": int(sequences.timestamp.max(initial=0)),
        },
        settings=result.model.settings,
        metrics=result.metrics,
        limits=(
            "Items unknown to the model are passed over; users unknown to it have the mean of all users' matrices.",
            *clock,
            "What the events' collection favoured, the next items favour too; nothing here corrects it.",
        ),
    )


def _constant(values: npt.NDArray[np.floating], name: str) -> tf.Variable:
    return tf.Variable(values.astype(np.float32), trainable=False, name=name)
