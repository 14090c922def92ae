"""What all saved models of events share: ids, states, and how an answer is made."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.features import ITEM_ID, LOG_PROBABILITY, Side
from rrn_tf.serving.blocks import in_blocks
from rrn_tf.serving.state_tables import line_numbers
from rrn_tf.training.truncated_bptt import CollaborativeResult
from rrn_tf.version import __version__

SERVED = 10  # items that `serving_default` answers with
_ROWS = 256  # users at a time, each with recurrent matrices and a probability for every item


class NextItems(tf.Module):
    """Ids of users and items, and where training left each user's state.

    Args:
      result: a trained network with its states.
      assets: directory for the vocabulary files while the model is saved.
    """

    def __init__(self, result: CollaborativeResult, assets: Path) -> None:
        super().__init__(name="collaborative_rnn")
        self._users = line_numbers(assets / Side.USER.vocabulary_file, result.sequences.user_ids)
        self._items = line_numbers(assets / Side.ITEM.vocabulary_file, result.sequences.item_ids)
        self.user_ids, self.item_ids = (
            tf.Variable(np.array(["", *ids], dtype=object), trainable=False, dtype=tf.string, name=name)
            for ids, name in ((result.sequences.user_ids, "user_ids"), (result.sequences.item_ids, "item_ids"))
        )
        about = {"version": __version__, "kind": type(result.model).__name__, "model": dict(result.model.settings)}
        self.about = tf.Variable(json.dumps(about), trainable=False, name="about")
        self.states = tf.Variable(result.states.astype(np.float32), trainable=False, name="states")

    def _indices(self, user_id: tf.Tensor, history: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """int64[N] users and int64[N, T] items; 0 is nobody, and no item or one that training did not know."""
        user = tf.where(user_id == "", tf.zeros([], tf.int64), self._users.lookup(user_id) + 1)
        return user, tf.where(history == "", tf.zeros([], tf.int64), self._items.lookup(history) + 1)

    def _rolled(
        self,
        user: tf.Tensor,
        item: tf.Tensor,
        embed: Callable[[tf.Tensor], list[tf.Tensor]],
        step: Callable[[list[tf.Tensor], tf.Tensor], tf.Tensor],
    ) -> tf.Tensor:
        """float32[N, units], states of users after items int64[N, T], 0 of which are passed over.

        Args:
          user: int64[N].
          item: the items.
          embed: what the cell adds at items int64[N].
          step: the state after what is added and a state.
        """
        by_step = tf.transpose(item)
        steps = tf.shape(by_step)[0]

        def one(index: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            met = by_step[index]
            return index + 1, tf.where((met > 0)[:, tf.newaxis], step(embed(met), state), state)

        _, state = tf.while_loop(lambda index, _: index < steps, one, (tf.constant(0), tf.gather(self.states, user)))
        return state

    def _answer(self, best: Callable[..., Sequence[tf.Tensor]], inputs: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        """What `best` makes of inputs, some users at a time: log-probabilities, falling, and items less one."""
        found, index = in_blocks(best, inputs, _ROWS, [tf.float32, tf.int32])
        found, index = (tf.ensure_shape(x, [None, None]) for x in (found, index))
        return {ITEM_ID: tf.gather(self.item_ids, index + 1), LOG_PROBABILITY: found}


def mean_first(table: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """A table of users whose row 0, of whoever is unknown, is the mean of the others."""
    return np.concatenate([table[1:].mean(axis=0, keepdims=True), table[1:]])
