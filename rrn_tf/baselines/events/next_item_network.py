"""Networks that encode a user's last items and score every item by an inner product: GRU4Rec and SASRec."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras

from rrn_tf.baselines.events.protocol import DistributionModel, EventBaseline, FloatArray, validation_nll
from rrn_tf.baselines.events.sequence_encoders import attention_encoder, recurrent_encoder
from rrn_tf.baselines.events.windows import Windows, training_windows, windows
from rrn_tf.baselines.halving_rate import train_to_best
from rrn_tf.data.event_scores import Positions, positions_of
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split

_INTS = tf.TensorSpec([None, None], tf.int32)
_BATCH = Windows(tf.TensorSpec([None], tf.int32), _INTS, _INTS)
_SCORES = 1 << 24  # the most scores of a batch that are held in memory at once
_CLIP = 5.0  # the largest global norm of a gradient
_EPOCHS_WITHOUT_VALIDATION = 10

Encoder = Callable[[int, int, float], keras.Model]


class NextItemModule(tf.Module):
    """Predicts the next item j by softmax_j(<h + u, v_j> + b_j), with h the encoder's output and u the user's factors.

    The item embeddings v are both the encoder's inputs and the output weights.

    Args:
      users, items: numbers U of users and M of items.
      width: dimension d of embeddings and hidden states.
      encoder: a model from float[B, T, d] to float[B, T, d].
      dropout: dropout rate of the inputs and of the users' factors.
      bias: float32[M], initial value of b.
    """

    def __init__(self, users: int, items: int, width: int, encoder: keras.Model, dropout: float, bias: Any) -> None:
        super().__init__()
        draw = partial(tf.random.normal, stddev=0.05)
        self.v = tf.Variable(draw([items + 1, width]), name="v")
        self.u = tf.Variable(tf.zeros([users + 1, width]), name="u")
        self.b = tf.Variable(bias, name="b")
        self._encoder, self._dropout = encoder, dropout
        self._weights = [self.v, self.u, self.b, *encoder.trainable_weights]
        self._adam = keras.optimizers.Adam(global_clipnorm=_CLIP)
        self._adam.build(self._weights)

    @property
    def values(self) -> list[npt.NDArray[Any]]:
        """Returns copies of all weights."""
        return [weight.numpy() for weight in self._weights]

    def assign(self, values: Sequence[npt.NDArray[Any]]) -> None:
        """Sets all weights."""
        for weight, value in zip(self._weights, values, strict=True):
            weight.assign(value)

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.int32), _INTS, tf.TensorSpec([None], tf.int32)], autograph=False
    )
    def states(self, user: tf.Tensor, previous: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
        """Computes h + u after step `last` of each sequence: float32[B, d]."""
        return tf.gather(self._read(user, previous, training=False), last, axis=1, batch_dims=1)

    def log_probabilities(self, states: tf.Tensor) -> tf.Tensor:
        """Computes the log-probabilities of all items from states h + u: float32[B, M]."""
        return tf.nn.log_softmax(self._scores(states))

    @tf.function(input_signature=[_BATCH, tf.TensorSpec([])], autograph=False)
    def step(self, batch: Windows, rate: tf.Tensor) -> None:
        """Takes one step of Adam on the mean loss of a batch."""
        with tf.GradientTape() as tape:
            there = batch.item > 0
            scores = self._scores(tf.boolean_mask(self._read(batch.user, batch.previous, training=True), there))
            target = tf.boolean_mask(batch.item, there) - 1
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(target, scores))
        self._adam.learning_rate.assign(rate)
        self._adam.apply_gradients(zip(tape.gradient(loss, self._weights), self._weights))

    def _read(self, user: tf.Tensor, previous: tf.Tensor, training: bool) -> tf.Tensor:
        read, own = tf.gather(self.v, previous), tf.gather(self.u, user)[:, tf.newaxis]
        if training:
            read, own = tf.nn.dropout(read, self._dropout), tf.nn.dropout(own, self._dropout)
        return self._encoder(read, training=training) + own

    def _scores(self, states: tf.Tensor) -> tf.Tensor:
        return tf.matmul(states, self.v[1:], transpose_b=True) + self.b


class NextItemNetwork(DistributionModel):
    """A next-item network trained by maximum likelihood on all training events, with early stopping on validation.

    An event is predicted from its user's last `window` items, held-out ones too, and from factors of the user.

    Args:
      name, reference: name and publication in the leaderboard.
      encoder: `recurrent_encoder` or `attention_encoder`.
      width: dimension of item embeddings and hidden states.
      window: the most previous items that the encoder reads.
      dropout: dropout rate of inputs and states.
      learning_rate: first learning rate of Adam; it is halved after every epoch that does not lower the validation NLL.
      batch: the most windows of a batch.
      max_epochs, patience: the most epochs, and the number of epochs without improvement after which training ends.
      seed: seed of initial weights, order of batches and dropout.

    Example:
      >>> model = gru4rec(width=4, window=5, max_epochs=1).fit(sequences)
      >>> len(model.log_probabilities(sequences, positions)) == len(positions)
      True

    Reference:
      Those of the encoders; the softmax over all items as in Klenitskiy and Vasilev, Turning Dross Into Gold Loss: is
      BERT4Rec really better than SASRec?, RecSys 2023.
    """

    def __init__(
        self,
        name: str,
        reference: str,
        encoder: Encoder,
        width: int = 64,
        window: int = 64,
        dropout: float = 0.5,
        learning_rate: float = 3e-3,
        batch: int = 24,
        max_epochs: int = 40,
        patience: int = 2,
        seed: int = 0,
    ) -> None:
        self.name, self.reference = name, reference
        self._encoder, self._width, self._window, self._dropout = encoder, width, window, dropout
        self._learning_rate, self._batch, self._seed = learning_rate, batch, seed
        self._max_epochs, self._patience = max_epochs, patience
        self._module: NextItemModule | None = None

    def fit(self, sequences: EventSequences) -> NextItemNetwork:
        """Trains the network and sets `best_epoch` to the number of epochs that were kept."""
        keras.utils.set_random_seed(self._seed)
        train = positions_of(sequences, [Split.TRAIN])
        popularity = np.bincount(sequences.item[train], minlength=sequences.num_items + 1)[1:] + 1.0
        self._users = sequences.num_users
        network = self._module = NextItemModule(
            sequences.num_users,
            sequences.num_items,
            self._width,
            self._encoder(self._width, self._window, self._dropout),
            self._dropout,
            np.log(popularity / popularity.sum()).astype(np.float32),
        )
        rng, most = np.random.default_rng(self._seed), max(_SCORES // (sequences.num_items * self._window), 1)

        def epoch(rate: float) -> None:
            for batch in training_windows(sequences, train, self._window, min(self._batch, most), rng):
                network.step(batch, tf.constant(rate, tf.float32))

        if sequences.has(Split.VALID):
            score = partial(validation_nll, self, sequences)
            bounds = (self._learning_rate, self._max_epochs, self._patience)
            _, self.best_epoch = train_to_best(network, epoch, score, *bounds)
        else:
            self.best_epoch = min(_EPOCHS_WITHOUT_VALIDATION, self._max_epochs)
            for _ in range(self.best_epoch):
                epoch(self._learning_rate)
        return self

    @property
    def num_parameters(self) -> int:
        """Number of weights."""
        return sum(value.size for value in self._fitted().values)

    def _contexts(self, sequences: EventSequences, positions: Positions) -> FloatArray:
        network, found = self._fitted(), np.empty((len(positions), self._width), np.float32)
        place = positions - sequences.user_splits[sequences.user[positions]]
        length = np.minimum(place, self._window - 1) + 1
        order = np.argsort(length, kind="stable")
        size = max(_SCORES // (self._width * self._window * 8), 1)
        for part in np.split(order, np.arange(size, len(order), size)):
            asked = windows(sequences, positions[part] - length[part] + 1, length[part])
            user = np.where(asked.user <= self._users, asked.user, 0)
            found[part] = network.states(user, asked.previous, (length[part] - 1).astype(np.int32)).numpy()
        return found

    def _distribution(self, contexts: FloatArray) -> FloatArray:
        return np.asarray(self._fitted().log_probabilities(tf.constant(contexts)))

    def _fitted(self) -> NextItemModule:
        if self._module is None:
            raise RuntimeError(f"{self.name} should be fitted before it is used")
        return self._module


def gru4rec(seed: int = 0, **options: Any) -> NextItemNetwork:
    """Creates GRU4Rec with a softmax over all items and user factors; `options` are those of `NextItemNetwork`."""
    return NextItemNetwork("GRU4Rec", "Hidasi and Karatzoglou, CIKM 2018", recurrent_encoder, seed=seed, **options)


def sasrec(seed: int = 0, dropout: float = 0.4, **options: Any) -> NextItemNetwork:
    """Creates SASRec with a softmax over all items and user factors; `options` are those of `NextItemNetwork`."""
    options = {"seed": seed, "dropout": dropout, **options}
    return NextItemNetwork("SASRec", "Kang and McAuley, ICDM 2018", attention_encoder, **options)


def standard(seed: int) -> list[EventBaseline]:
    """The leaderboard's."""
    return [gru4rec(seed), sasrec(seed)]
