"""The SavedModel of a Collaborative RNN: the next items of a user; needs nothing but TensorFlow to serve."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf import features
from rrn_tf.features import HISTORY, ITEM_ID, LOG_PROBABILITY, USER_ID, Side, Split
from rrn_tf.serving.blocks import in_blocks
from rrn_tf.serving.model_card import ModelFacts, write_card
from rrn_tf.serving.requests import answer_width, same_rows, same_widths
from rrn_tf.serving.state_tables import line_numbers
from rrn_tf.serving.warmup import example, write_warmup
from rrn_tf.training.truncated_bptt import CollaborativeResult
from rrn_tf.version import __version__

_SERVED = 10  # items that `serving_default` answers with
_ROWS = 256  # users at a time, each with recurrent matrices and a probability for every item


class EventServing(tf.Module):
    """What a saved Collaborative RNN answers.

    A user stands where the training events left the state. The events since then come with the request and move that
    state; nothing is retrained. A user without training events starts from the zero state, with the mean of all users'
    recurrent matrices. Items that training did not know are passed over.

    Args:
      result: a trained network with its states.
      assets: directory for the vocabulary files while the model is saved.
    """

    def __init__(self, result: CollaborativeResult, assets: Path) -> None:
        super().__init__(name="collaborative_rnn")
        model, cell = result.model, result.model.cell
        self._users = line_numbers(assets / Side.USER.vocabulary_file, result.sequences.user_ids)
        self._items = line_numbers(assets / Side.ITEM.vocabulary_file, result.sequences.item_ids)
        self.user_ids, self.item_ids = (
            tf.Variable(np.array(["", *ids], dtype=object), trainable=False, dtype=tf.string, name=name)
            for ids, name in ((result.sequences.user_ids, "user_ids"), (result.sequences.item_ids, "item_ids"))
        )
        self.about = tf.Variable(
            json.dumps({"version": __version__, "model": dict(model.settings)}), trainable=False, name="about"
        )
        self.states = _constant(result.states, "states")
        self._pooled = cell.pooled
        self.recurrent = [
            _constant(table.numpy() if cell.pooled else _mean_first(table.numpy()), f"recurrent_{block}")
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
        user = tf.where(user_id == "", tf.zeros([], tf.int64), self._users.lookup(user_id) + 1)
        item = tf.where(history == "", tf.zeros([], tf.int64), self._items.lookup(history) + 1)

        def best(user: tf.Tensor, item: tf.Tensor) -> Sequence[tf.Tensor]:
            known = tf.cast(user > 0, tf.float32)[:, tf.newaxis]
            beside = tf.concat([self._rolled(user, item), known * tf.gather(self.factors, user)], axis=1)
            return tf.math.top_k(tf.nn.log_softmax(tf.matmul(beside, self.kernel)), width)

        found, index = in_blocks(best, (user, item), _ROWS, [tf.float32, tf.int32])
        found, index = (tf.ensure_shape(x, [None, None]) for x in (found, index))
        return {ITEM_ID: tf.gather(self.item_ids, index + 1), LOG_PROBABILITY: found}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def next_items_of_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """As `next_items` with 10 items, from serialized `tf.Example` protos."""
        parsed = tf.io.parse_example(examples, features.history_example_spec())
        return self.next_items(parsed[USER_ID], parsed[HISTORY].to_tensor(""), tf.constant(_SERVED))

    def _rolled(self, user: tf.Tensor, item: tf.Tensor) -> tf.Tensor:
        """float32[N, units], states of users after items int64[N, T], 0 of which are passed over."""
        matrices = [table if self._pooled else tf.gather(table, user) for table in self.recurrent]
        by_step = tf.transpose(item)
        steps = tf.shape(by_step)[0]

        def one(index: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            met = by_step[index]
            after = self._transition([tf.gather(table, met) for table in self.embedding], state, matrices)
            return index + 1, tf.where((met > 0)[:, tf.newaxis], after, state)

        _, state = tf.while_loop(lambda index, _: index < steps, one, (tf.constant(0), tf.gather(self.states, user)))
        return state


def export_event_model(result: CollaborativeResult, path: str | Path) -> None:
    """Writes a SavedModel with the signatures `serving_default` and `next_items`.

    Args:
      result: a trained network.
      path: the SavedModel's directory.
    """
    with tempfile.TemporaryDirectory() as assets:
        module = EventServing(result, Path(assets))
        signatures = {"serving_default": module.next_items_of_examples, "next_items": module.next_items}
        tf.saved_model.save(module, str(path), signatures=signatures)
    write_card(Path(path), _facts(result))
    user, items = str(result.sequences.user_ids[0]), [str(name) for name in result.sequences.item_ids[:2]]
    typical: dict[str, dict[str, Any]] = {
        "serving_default": {"examples": [example(**{USER_ID: [user], HISTORY: items})]},
        "next_items": {USER_ID: [user, ""], HISTORY: [items[:1], [""]], "k": np.int32(_SERVED)},
    }
    write_warmup(Path(path), typical)


def _facts(result: CollaborativeResult) -> ModelFacts:
    sequences = result.sequences
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
            "The model knows the order of events, not the time between them.",
            "What the events' collection favoured, the next items favour too; nothing here corrects it.",
        ),
    )


def _constant(values: npt.NDArray[np.floating], name: str) -> tf.Variable:
    return tf.Variable(values.astype(np.float32), trainable=False, name=name)


def _mean_first(table: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """A table of users whose row 0, of whoever is unknown, is the mean of the others."""
    return np.concatenate([table[1:].mean(axis=0, keepdims=True), table[1:]])
