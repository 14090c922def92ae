"""The interface of models of events, which lets one loop fit and compare them all."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from rrn_tf.data.event_scores import Positions, middle_ranks, positions_of, user_means
from rrn_tf.data.events import EventSequences
from rrn_tf.data.own_items import OwnItems
from rrn_tf.features import Split

FloatArray = npt.NDArray[np.float32]
Fitted = TypeVar("Fitted", bound="EventBaseline")

_BLOCK = 1 << 22  # the most scores that are held in memory at once


class Likeliest(NamedTuple):
    """The K items that a model gives the highest probabilities before each of N events, the most probable first.

    Attributes:
      item: int32[N, K], item indices from 1.
      log_probability: float32[N, K], in nats.
    """

    item: npt.NDArray[np.int32]
    log_probability: FloatArray


class Answers(NamedTuple):
    """Predictions of a model for N events.

    Attributes:
      log_probability: float32[N], log-probability of the item of each event, in nats.
      rank: float32[N], rank of the item among all items, or among those new to the user (see `middle_ranks`).
      likeliest: the most probable items before each event; None if they were not asked for.
    """

    log_probability: FloatArray
    rank: FloatArray
    likeliest: Likeliest | None = None


class EventModel(Protocol):
    """A fitted model of the next item that scores events given by their positions.

    Each event is predicted from the earlier events of its own user. These may be held-out events, which are known by
    then, although no parameter is fitted to them.
    """

    @property
    def name(self) -> str: ...

    def log_probabilities(self, sequences: EventSequences, positions: Positions) -> FloatArray:
        """Computes the log-probability, in nats, of the item of each event.

        Args:
          sequences: the events.
          positions: int64[N], indices into `sequences.item`, in any order.

        Returns:
          float32[N]; the probabilities of all items add up to one.
        """
        ...

    def ranks(self, sequences: EventSequences, positions: Positions) -> FloatArray:
        """Ranks the item of each event among all items, as `middle_ranks`; arguments as `log_probabilities`."""
        ...

    @property
    def num_parameters(self) -> int:
        """Number of values that the fitted model stores."""
        ...


class EventBaseline(EventModel, Protocol):
    """A model of events that one call of `fit` trains."""

    @property
    def reference(self) -> str:
        """Authors and year of the publication that describes the model."""
        ...

    def fit(self: Fitted, sequences: EventSequences) -> Fitted:
        """Fits the model and returns it.

        Args:
          sequences: parameters are fitted to the training events; options (size, regulariser, stopping) are chosen on
            the validation events, or have defaults if there are none; test events are not used.
        """
        ...


class DistributionModel(abc.ABC):
    """A model that computes whole distributions over items, for a bounded number of contexts at a time."""

    @abc.abstractmethod
    def _contexts(self, sequences: EventSequences, positions: Positions) -> npt.NDArray[Any]:
        """Returns the context that each event is predicted from: int64[N] codes, or float[N, d] states."""

    @abc.abstractmethod
    def _distribution(self, contexts: npt.NDArray[Any]) -> FloatArray:
        """Computes log-probabilities of all items in B contexts, with item i in column i - 1: float32[B, M]."""

    def log_probabilities(self, sequences: EventSequences, positions: Positions) -> FloatArray:
        """As `EventModel.log_probabilities`."""
        found = np.empty(len(positions), np.float32)
        for at, scores, row in self._blocks(sequences, positions):
            found[at] = scores[row, sequences.item[positions[at]] - 1]
        return found

    def ranks(self, sequences: EventSequences, positions: Positions) -> FloatArray:
        """As `EventModel.ranks`."""
        return self.answers(sequences, positions).rank

    def answers(
        self, sequences: EventSequences, positions: Positions, *, new_only: bool = False, likeliest: int = 0
    ) -> Answers:
        """Computes log-probabilities and ranks together, so that each distribution is computed once.

        Args:
          sequences: the events.
          positions: int64[N], indices into `sequences.item`, in any order.
          new_only: whether to leave out the items of the user's earlier events; the probabilities of the others then
            add up to one, and the item of each event should be new to its user.
          likeliest: how many of the most probable items of each event to return too; at most all items.
        """
        count = len(positions)
        found = Answers(np.empty(count, np.float32), np.empty(count, np.float32))
        if likeliest:
            shape = count, min(likeliest, sequences.num_items)
            found = found._replace(likeliest=Likeliest(np.empty(shape, np.int32), np.empty(shape, np.float32)))
        own = OwnItems(sequences) if new_only else None
        for at, scores, row in self._blocks(sequences, positions):
            size = max(_BLOCK // scores.shape[1], 1)
            for part in np.split(np.arange(len(at)), range(size, len(at), size)):
                asked, rows = positions[at[part]], scores[row[part]]
                if own:
                    rows = own.without(rows, asked)
                column = sequences.item[asked] - 1
                found.log_probability[at[part]] = rows[np.arange(len(part)), column]
                found.rank[at[part]] = middle_ranks(rows, column)
                if found.likeliest:
                    top = _highest(rows, found.likeliest.item.shape[1])
                    found.likeliest.item[at[part]] = top + 1
                    found.likeliest.log_probability[at[part]] = np.take_along_axis(rows, top, axis=1)
        return found

    def _blocks(
        self, sequences: EventSequences, positions: Positions
    ) -> Iterator[tuple[Positions, FloatArray, npt.NDArray[np.intp]]]:
        """Yields indices of events, a block of scores of their contexts, and the row of that block for each event."""
        contexts = self._contexts(sequences, positions)
        row = np.arange(len(positions))
        if contexts.ndim == 1:
            # Events in one context share its distribution.
            contexts, row = np.unique(contexts, return_inverse=True)
        order = np.argsort(row, kind="stable")
        size = max(_BLOCK // sequences.num_items, 1)
        starts = np.arange(0, len(contexts), size)
        ends = np.searchsorted(row[order], starts + size)
        for start, at in zip(starts, np.split(order, ends[:-1])):
            yield at, self._distribution(contexts[start : start + size]), row[at] - start


def _highest(scores: FloatArray, k: int) -> npt.NDArray[np.intp]:
    """Returns the columns of the k highest scores of each row, the highest first: intp[B, k]."""
    found = np.argpartition(scores, scores.shape[1] - k, axis=1)[:, -k:]
    order = np.argsort(-np.take_along_axis(scores, found, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)


def validation_nll(model: EventModel, sequences: EventSequences) -> float:
    """Computes the mean NLL of each user's validation events, averaged over users; NaN without any."""
    positions = positions_of(sequences, [Split.VALID])
    return mean_nll(model.log_probabilities(sequences, positions), sequences.user[positions])


def mean_nll(log_probability: npt.NDArray[np.floating], user: npt.NDArray[np.integer]) -> float:
    """Computes the paper's metric: the mean of -log p for each user, then over users; NaN without events."""
    return -float(np.mean(user_means(log_probability, user)[1])) if len(user) else float("nan")
