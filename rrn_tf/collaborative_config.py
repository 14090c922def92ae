"""Configuration of the Collaborative RNN; read and written as that of RRN (see `rrn_tf.config`)."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from rrn_tf.config import STRICT, renamed

# What can be taken out of a mixture: features of its kernels over a user's past items, whole distributions, and what
# the gate is told.
Part = Literal[
    "recency",
    "hour",
    "week",
    "context",
    "copy",
    "following",
    "popularity",
    "uniform",
    "nearest",
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
      min_item_events: items with fewer events are left out, before anything else.
      min_user_events: users with fewer of the remaining events are left out.
      min_user_entropy: users are kept whose distribution over items has a Shannon entropy, in nats, above this: 0
        leaves out whoever met one item alone; the paper's 2.5, on one of its logs, nearly half of the users of others.
      holdout: share of each user's events, the last ones, that is held out, rounded to the nearest number, halves up.
      min_holdout, max_holdout: bounds of that number; a user's first event always trains. Held-out events with items
        that no training event has are left out.
      validation: whether as many again of what remains are held out for validation; without, the held-out events are
        those of validation, as the authors have it, and there is no test.
      max_bad_share: a run fails when a larger share of its rows is rejected.
      shards: output files, and the parallelism of grouping.
    """

    min_item_events: int = Field(default=10, ge=1)
    min_user_events: int = Field(default=11, ge=1)
    min_user_entropy: float = Field(default=0.0, ge=0)
    holdout: float = Field(default=0.025, gt=0, lt=1)
    min_holdout: int = Field(default=3, ge=1)
    max_holdout: int = Field(default=500, ge=1)
    validation: bool = True
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
      matrices: recurrent ones: ``personal``, of each user's own (C-GRU); ``shared``, one for all (P-GRU); ``low-rank``,
        of a mixture, the shared one plus a product of `rank` columns of each user's own (not in the paper). Called
        `pooled`, true or false, before.
      rank: of that product.
      units: width of the state.
      activation: of the GRU's candidate state; sigmoid is the authors' choice.
      stationary: factors of each user beside the moving state in the softmax, as RRN has them (not in the paper).
      mixture: whether the network stands beside the user's own past items and counts of others' events, and items have
        one vector to enter and leave the state by (not in the paper; `rrn_tf.models.collaborative_mixture`).
      heads, window, clock: of a mixture: distributions over a user's past items, events that they look back upon, and
        whether time counts, or order alone.
      without: parts of a mixture that are left out, to see what they are worth (`PARTS`): of its kernels over a user's
        past items, attention's among them, `recency` (age in events and hours), `hour` and `week` (whether the clock
        said the same) and `context` (whether the same item came before); distributions: `copy` (all over own items),
        `following` and `popularity` (others' 2-gram and 1-gram), `uniform`, `nearest` (users), `meeting` (others'
        2-gram of events whose user met the item for the first time) and `network`; `gate`: what it is told, so that
        shares are the same at all events.
      attention: of a mixture: heads that attend to what followed upon events like the last one, in the user's own past;
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
      epochs: each takes every group once, in random order.
      patience: stop after this many epochs without a better validation loss (0: never).
      users_per_batch: users of a group, which are similar in length.
      chunk: steps between updates; the state is carried on without gradient.
      last_chunks: only so many chunks at the end of each user's training events are trained on (0: all).
      learning_rate, rho, epsilon: of lazy RMSprop (a mixture is trained by Adam, at this rate); epsilon, inside the
        root, decides how far rare items move, since a chunk's loss is a mean over all of its cells and their gradients
        are small.
      stationary_l2: pulls the factors of a chunk's users to zero, beside the gradient of its mean loss.
      gradient_clip: each gradient is clipped to this absolute value (0: off).
      dropout: of a mixture: share of item vectors, states and user factors that is left out of a step.
      averaging: of a mixture: over about how many epochs the weights that are kept are averaged (0: they are not).
      softmax: over all items, or over sampled ones.
      samples: sampled items of a chunk; a mixture draws them beside half as many of the most frequent items and all
        that the chunk's users met, and takes all items of a catalogue of no more.
      precision: of the softmax's products; sums are float32.
      selection: protocol of the validation loss that chooses the best epoch: ``clean`` at the end of the epoch, with
        every held-out event scored; ``interleaved``, the authors': after each group's training chunks, without the
        first.
      valid_chunks: interleaved validation reads only the first ``valid_chunks * chunk`` validation events of each user
        (0: all).
      seed: of initial values and group order.
      replicas: devices of the MirroredStrategy (0: every GPU, or one CPU).
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
    """Everything that decides a result of the Collaborative RNN."""

    data: EventDataConfig = Field(default_factory=EventDataConfig)
    model: CollaborativeModelConfig = Field(default_factory=CollaborativeModelConfig)
    training: CollaborativeTrainingConfig = Field(default_factory=CollaborativeTrainingConfig)

    def __post_init__(self) -> None:
        if self.model.mixture and self.training.stationary_l2:
            raise ValueError(f"a mixture should have training.stationary_l2=0, found {self.training.stationary_l2:g}")
