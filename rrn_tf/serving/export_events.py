"""Exports a Collaborative RNN as a SavedModel that predicts next items, which needs only TensorFlow to serve."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.data.model_folder import seal
from rrn_tf.features import EXCLUDE, HISTORY, HISTORY_TIMESTAMP, NEW_ONLY, TIMESTAMP, USER_ID, Split
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.serving.mixture import MixtureServing
from rrn_tf.serving.model_card import OF_EVENTS, ModelFacts, write_card
from rrn_tf.serving.next_items import SERVED, NextItems, mean_first
from rrn_tf.serving.past_events import HeldEvents
from rrn_tf.serving.saved_files import check_saved_model
from rrn_tf.serving.warmup import example, write_warmup
from rrn_tf.states.event_snapshot import EventSnapshot


class EventServing(NextItems):
    """The signatures of a saved Collaborative RNN.

    A user's stored state is that after the training events; the events since then are part of the request and update
    that state, without retraining. A user without training events starts from the zero state, with the mean of all
    users' recurrent matrices. Items without training events are ignored.

    Args:
      result: a trained network with its states.
      assets: directory for the vocabulary files while the model is saved.
    """

    def __init__(self, result: EventSnapshot, assets: Path) -> None:
        super().__init__(result, HeldEvents(result.sequences, result.held_out), assets)
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

    def log_probabilities(self, user: tf.Tensor, item: tf.Tensor, time: tf.Tensor, now: tf.Tensor) -> tf.Tensor:
        """As `NextItems.log_probabilities`; ignores times, since only the order of events matters."""
        known = tf.cast(user > 0, tf.float32)[:, tf.newaxis]
        matrices = [tf.gather(table, user) if self._personal else table for table in self.recurrent]

        def step(embedded: list[tf.Tensor], state: tf.Tensor) -> tf.Tensor:
            return self._transition(embedded, state, matrices)

        state = self._rolled(user, item, lambda met: [tf.gather(table, met) for table in self.embedding], step)
        beside = tf.concat([state, known * tf.gather(self.factors, user)], axis=1)
        return tf.nn.log_softmax(tf.matmul(beside, self.kernel))


def export_event_model(result: EventSnapshot, path: str | Path) -> None:
    """Writes a SavedModel with the signatures `serving_default`, `next_items` and `next_items_at`.

    Args:
      result: a trained network.
      path: the SavedModel's directory.
    """
    with tempfile.TemporaryDirectory() as assets:
        mixture = isinstance(result.model, CollaborativeMixture)
        module = (MixtureServing if mixture else EventServing)(result, Path(assets))
        signatures = {
            "serving_default": module.next_items_of_examples,
            "next_items": module.next_items,
            "next_items_at": module.next_items_at(),
        }
        tf.saved_model.save(module, str(path), signatures=signatures)
    write_card(Path(path), _facts(result))
    user, items = str(result.sequences.user_ids[0]), [str(name) for name in result.sequences.item_ids[:2]]
    now = int(result.sequences.timestamp.max(initial=0))
    plain: dict[str, Any] = {USER_ID: [user, ""], HISTORY: [items[:1], [""]], "k": np.int32(SERVED)}
    times = {HISTORY_TIMESTAMP: np.full([2, 1], now), TIMESTAMP: np.full([2], now)}
    typical = {
        "serving_default": {"examples": [example(**{USER_ID: [user], HISTORY: items})]},
        "next_items": plain,
        "next_items_at": {**plain, **times, EXCLUDE: [items[:1], [""]], NEW_ONLY: np.bool_(False)},
    }
    write_warmup(Path(path), typical)
    seal(path)
    check_saved_model(path)  # TensorFlow leaves out an asset that is lost before it copies it


def _facts(result: EventSnapshot) -> ModelFacts:
    sequences = result.sequences
    knows_time = isinstance(result.model, CollaborativeMixture) and result.model.settings["clock"]
    clock = () if knows_time else ("The model uses the order of events, not the time between them.",)
    counts = np.bincount(sequences.split, minlength=len(Split))
    return ModelFacts(
        model=OF_EVENTS,
        purpose="Predicts which items a user is likely to choose next, given the events so far.",
        data={
            "users": sequences.num_users,
            "items": sequences.num_items,
            **{f"{split.label} events": int(counts[split]) for split in Split if counts[split]},
        },
        period={
            "first event": int(sequences.timestamp.min(initial=0)),
            "last event": int(sequences.timestamp.max(initial=0)),
        },
        settings=dict(result.model.settings),
        metrics=result.metrics,
        limits=(
            "Items unknown to the model are ignored; users unknown to it have the mean of all users' matrices.",
            *clock,
            "Any bias in how the events were collected is also in the predicted next items; nothing corrects it.",
        ),
    )


def _constant(values: npt.NDArray[np.floating], name: str) -> tf.Variable:
    return tf.Variable(values.astype(np.float32), trainable=False, name=name)
