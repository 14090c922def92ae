"""Configuration of the Collaborative RNN; it is read and written like that of RRN (see `rrn_tf.config`)."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from rrn_tf.config import STRICT, renamed
from rrn_tf.data_format import DataFormat

# Parts of a mixture that can be left out: features of the weights of a user's past items, whole distributions, and the
# inputs of the gate.
Part = Literal[
    "recency",
    "hour",
    "week",
    "context",
    "copy",
    "following",
    "popularity",
    "uniform",
    "meeting",
    "network",
    "gate",
]
PARTS: tuple[str, ...] = get_args(Part)
_OF_ALL_ITEMS = ("network", "popularity", "uniform")  # distributions that give every item some probability


@dataclass(frozen=True, config=STRICT)
class EventDataConfig:
    """How events become sequences (the preprocessing of the Collaborative RNN paper).

    Attributes:
      min_item_events: items with fewer events are left out, before any other rule.
      min_user_events: users with fewer of the remaining events are left out.
      min_user_entropy: users are kept if their distribution over items has a Shannon entropy, in nats, above this: 0
        leaves out users with a single item; the paper's 2.5, set for one of its logs, nearly half the users of others.
      holdout: fraction of each user's events, the last ones, that is held out, rounded to whole events, halves up.
      min_holdout, max_holdout: bounds of that number; a user's first event is always a training event. Held-out events
        of items without training events are left out.
      validation: whether as many of the remaining events are held out again, for validation; if not, the held-out
        events are validation events, as in the authors' program, and there is no test split.
      format: how the input files are to be read, where that is not recognised (`rrn_tf.data_format`).
      max_bad_share: a run fails if a larger fraction of the rows of its input files is rejected.
      shards: number of output files, and of groups processed in parallel.
    """

    min_item_events: int = Field(default=10, ge=1)
    min_user_events: int = Field(default=11, ge=1)
    min_user_entropy: float = Field(default=0.0, ge=0)
    holdout: float = Field(default=0.025, gt=0, lt=1)
    min_holdout: int = Field(default=3, ge=1)
    max_holdout: int = Field(default=500, ge=1)
    validation: bool = True
    format: DataFormat = Field(default_factory=DataFormat)
    max_bad_share: float = Field(default=0.01, ge=0, le=1)
    shards: int = Field(default=4, ge=1, le=10_000)

    def __post_init__(self) -> None:
        if self.min_holdout > self.max_holdout:
            raise ValueError(
                f"min_holdout should be at most max_holdout, found {self.min_holdout} and {self.max_holdout}"
            )


@dataclass(frozen=True, config=STRICT)
class CollaborativeModelConfig:
    """Sizes of the Collaborative RNN.

    Attributes:
      cell: recurrent cell: the GRU, or the simple RNN (C-tanh).
      matrices: recurrent matrices: ``personal``, of each user's own (C-GRU); ``shared``, one set for all (P-GRU);
        ``low-rank``, for a mixture, the shared set plus a product of `rank` columns of each user's own (not in the
        paper). Formerly called `pooled`, true or false.
      rank: rank of that product.
      units: width of the state.
      activation: of the GRU's candidate state; sigmoid is the authors' choice.
      stationary: number of stationary factors of each user, inputs of the softmax beside the state (not in the paper).
      mixture: whether the network is mixed with the user's own past items and counts of other users' events, with one
        vector per item as input and in the softmax (not in the paper; `rrn_tf.models.collaborative_mixture`).
      heads, window, clock: for a mixture: number of distributions over a user's past items, number of past events they
        use, and whether their weights depend on time, or on order alone.
      without: parts of a mixture that are left out, to measure their effect (`PARTS`). Features of the weights of past
        items, attention's among them: `recency` (age in events and hours), `hour` and `week` (the same time of day or
        week) and `context` (the same preceding item). Distributions: `copy` (all over own items),
        `following` and `popularity` (others' 2-gram and 1-gram), `uniform`, `meeting` (others' 2-gram of events
        whose user met the item for the first time) and `network`. `gate`: the inputs of the gate, so that mixture
        weights are the same at all events.
      attention: for a mixture: number of heads that attend to what followed similar events in the user's own past;
        0 for none.
        0 for none.
    """

    cell: Literal["gru", "rnn"] = "gru"
    matrices: Literal["shared", "personal", "low-rank"] = "personal"
    rank: int = Field(default=4, ge=1)
    units: int = Field(default=32, ge=1)
    activation: Literal["sigmoid", "tanh"] = "sigmoid"
    stationary: int = Field(default=0, ge=0)
    mixture: bool = False
    heads: int = Field(default=5, ge=1)
    window: int = Field(default=384, ge=1)
    clock: bool = True
    attention: int = Field(default=0, ge=0)
    without: tuple[Part, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _old_names(cls, values: Any) -> Any:
        return renamed(values, "pooled", "matrices", {True: "shared", False: "personal"})

    def __post_init__(self) -> None:
        if self.without and not self.mixture:
            raise ValueError(f"without should be empty where mixture=false, found {', '.join(self.without)}")
        if all(part in self.without for part in _OF_ALL_ITEMS):
            raise ValueError(f"without should leave one of {', '.join(_OF_ALL_ITEMS)}, found all of them")
        if self.matrices == "low-rank" and not self.mixture:
            raise ValueError("matrices should be shared or personal without mixture=true, found low-rank")
        if self.mixture and (self.cell, self.activation) != ("gru", "tanh"):
            raise ValueError(
                f"a mixture should have cell=gru and activation=tanh, found {self.cell} and {self.activation}"
            )


@dataclass(frozen=True, config=STRICT)
class CollaborativeTrainingConfig:
    """Truncated backpropagation through time over groups of users (Algorithms 1 and 2).

    Attributes:
      epochs: number of epochs; each takes every group once, in random order.
      patience: stop after this many epochs without a better validation loss (0: never).
      users_per_batch: number of users of a group; they have similar numbers of events.
      chunk: steps between updates; the state is carried over to the next chunk without gradient.
      last_chunks: train only on this many chunks at the end of each user's training events (0: all).
      learning_rate, rho, epsilon: of lazy RMSprop (a mixture is trained by Adam, at this rate); epsilon, inside the
        root, decides how far rare items move, since a chunk's loss is a mean over all of its events and their gradients
        are small.
      stationary_l2: L2 penalty of the factors of a chunk's users, added to the gradient of its mean loss.
      gradient_clip: each gradient is clipped to this absolute value (0: off).
      dropout: for a mixture: dropout rate of item vectors, states and user factors.
      averaging: for a mixture: number of epochs over which the saved weights are averaged, about (0: no averaging).
      softmax: over all items, or over sampled ones.
      samples: number of items sampled for a chunk; a mixture adds half as many of the most frequent items and all items
        that the chunk's users met, and uses the full softmax if the catalogue has no more items than this.
      precision: of the softmax's products; sums are float32.
      selection: protocol of the validation loss that chooses the best epoch: ``clean`` at the end of the epoch, with
        every held-out event scored; ``interleaved``, the authors', after each group's training chunks, without the
        first held-out event.
      valid_chunks: interleaved validation reads only the first ``valid_chunks * chunk`` validation events of each user
        (0: all).
      seed: of initial values and group order.
      replicas: number of devices of the MirroredStrategy (0: every GPU, or one CPU).
    """

    epochs: int = Field(default=25, ge=0)
    patience: int = Field(default=4, ge=0)
    users_per_batch: int = Field(default=20, ge=1)
    chunk: int = Field(default=64, ge=1)
    last_chunks: int = Field(default=0, ge=0)
    learning_rate: float = Field(default=0.0075, gt=0)
    rho: float = Field(default=0.997, gt=0, lt=1)
    epsilon: float = Field(default=1e-8, ge=0)
    stationary_l2: float = Field(default=0.0, ge=0)
    gradient_clip: float = Field(default=0.0, ge=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    averaging: float = Field(default=0.0, ge=0)
    softmax: Literal["full", "sampled"] = "full"
    samples: int = Field(default=2_000, ge=1)
    precision: Literal["float32", "bfloat16"] = "float32"
    selection: Literal["clean", "interleaved"] = "clean"
    valid_chunks: int = Field(default=0, ge=0)
    seed: int = Field(default=0, ge=0, lt=2**31)
    replicas: int = Field(default=0, ge=0)


@dataclass(frozen=True, config=STRICT)
class CollaborativeConfig:
    """Every setting that affects a result of the Collaborative RNN."""

    data: EventDataConfig = Field(default_factory=EventDataConfig)
    model: CollaborativeModelConfig = Field(default_factory=CollaborativeModelConfig)
    training: CollaborativeTrainingConfig = Field(default_factory=CollaborativeTrainingConfig)

    def __post_init__(self) -> None:
        if self.model.mixture and self.training.stationary_l2:
            raise ValueError(f"a mixture should have training.stationary_l2=0, found {self.training.stationary_l2:g}")
