"""Groups users of similar length and divides their steps into chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split

Ints = npt.NDArray[np.int64]


class GroupContext(NamedTuple):
    """The inputs, besides states, from which a mixture predicts a group's events; W is its window.

    Attributes:
      item: int32[B, W + T + 1], the W items before the group's first one, then the group's; 0 where there is none.
      time: int64[B, W + T + 1], their times in unix seconds, 0 likewise.
      features: float32[B, T, f], features of the event after each step (`rrn_tf.data.event_context`).
      shared: float32[B, T, s], log-probabilities of that event's item.
    """

    item: Any
    time: Any
    features: Any
    shared: Any


class EventGroup(NamedTuple):
    """B users with up to T events as inputs, one per step; T is a multiple of the chunk length.

    The input of step t is ``item[:, t]``, and the state after it predicts ``item[:, t + 1]``.

    Attributes:
      user: int32[B], 0 where the group has fewer users.
      item: int32[B, T + 1], items in order of time, 0 at padding.
      length: int32[B], number of steps with an input.
      first_scored: int32[B], the first scored step; the steps from it to `length` are scored.
      context: inputs of a mixture, if the events have a context (`EventSequences.context`).
    """

    user: Any
    item: Any
    length: Any
    first_scored: Any
    context: GroupContext | tuple[()] = ()


def spec_of(group: EventGroup) -> EventGroup:
    """Returns the shapes and dtypes of groups with the same number of users and any number of steps."""

    def spec(part: Any) -> tf.TensorSpec:
        steps, widths = [None] * (len(part.shape) > 1), part.shape[2:]
        return tf.TensorSpec([part.shape[0], *steps, *widths], part.dtype)

    return tf.nest.map_structure(spec, group)


@dataclass(frozen=True)
class EventPlan:
    """Groups of users, each divided into one share per replica; all shares have the same number of users.

    Attributes:
      groups: shares of each group.
      chunk: number of steps of a chunk.
    """

    groups: list[list[EventGroup]]
    chunk: int

    def __len__(self) -> int:
        return len(self.groups)

    @property
    def num_scored(self) -> int:
        """Number of scored events."""
        shares = self.shares()
        return sum(int(np.maximum(share.length - share.first_scored, 0).sum()) for share in shares)

    @property
    def num_chunks(self) -> int:
        return sum(shares[0].item.shape[1] // self.chunk for shares in self.groups)

    def shares(self) -> Iterator[EventGroup]:
        """Yields the shares of all groups, replica by replica."""
        for shares in self.groups:
            yield from shares


@dataclass(frozen=True)
class _Cut:
    """The events used of each user: from `begin` to `end`, `length` of them inputs, scored from step `first_scored`."""

    begin: Ints
    end: Ints
    length: Ints
    first_scored: Ints


def plan_training(
    sequences: EventSequences, users_per_batch: int, chunk: int, last_chunks: int = 0, replicas: int = 1
) -> EventPlan:
    """Plans training: of a user's training events, all but the last are inputs, and all but the first are scored.

    Args:
      sequences: the events.
      users_per_batch: number of users of a group.
      chunk: number of steps of a chunk.
      last_chunks: use only this many chunks at the end of each user's events (0: all).
      replicas: number of shares of each group.
    """
    begin, end = sequences.user_splits[:-1], training_ends(sequences)
    if last_chunks:
        begin = np.maximum(begin, end - last_chunks * chunk - 1)
    cut = _Cut(begin, end, np.maximum(end - begin - 1, 0), np.zeros_like(begin))
    return _plan(sequences, training_groups(sequences, users_per_batch), cut, chunk, replicas)


def plan_interleaved(
    sequences: EventSequences, split: Split, users_per_batch: int, chunk: int, first_chunks: int = 0, replicas: int = 1
) -> EventPlan:
    """Plans a later split alone, in the groups of `plan_training`: all but the last event are inputs, all but the
    first are scored.

    Args:
      sequences: the events.
      split: the later split.
      users_per_batch: number of users of a group.
      chunk: number of steps of a chunk.
      first_chunks: use only the first ``first_chunks * chunk`` events of each user, as the authors count them (0: all).
      replicas: number of shares of each group.
    """
    end = split_ends(sequences, split)
    begin = end - sequences.counts([split])
    if first_chunks:
        end = np.minimum(end, begin + first_chunks * chunk)
    cut = _Cut(begin, end, np.maximum(end - begin - 1, 0), np.zeros_like(begin))
    return _plan(sequences, training_groups(sequences, users_per_batch), cut, chunk, replicas)


def plan_scoring(sequences: EventSequences, split: Split, users_per_batch: int, chunk: int) -> EventPlan:
    """Plans all events up to the end of a later split; that split is scored. Leaves out users without events in it."""
    begin, end = sequences.user_splits[:-1], split_ends(sequences, split)
    scored = sequences.counts([split])
    length = np.maximum(end - begin - 1, 0)
    cut = _Cut(begin, end, length, np.maximum(length - scored, 0))
    return _plan(sequences, _groups(np.where(scored > 0, length, 0), users_per_batch), cut, chunk)


def plan_rolling(sequences: EventSequences, users_per_batch: int, chunk: int) -> EventPlan:
    """Plans all training events as inputs; none is scored.

    Groups are filled up with the unknown user to multiples of 16, so that no number is left over by vector
    instructions, beside which TensorFlow rounds otherwise: a user's state does not depend on who else is in the group.
    """
    begin, end = sequences.user_splits[:-1], training_ends(sequences)
    cut = _Cut(begin, end, end - begin, end - begin)
    return _plan(sequences, _groups(end - begin, users_per_batch), cut, chunk, multiple=16)


def plan_until(sequences: EventSequences, positions: Ints, users_per_batch: int, chunk: int) -> EventPlan:
    """Plans all events before each user's last position as inputs, unscored; leaves out users without positions."""
    begin = sequences.user_splits[:-1]
    end = begin.copy()
    np.maximum.at(end, sequences.user[positions], positions)
    cut = _Cut(begin, end, end - begin, end - begin)
    return _plan(sequences, _groups(end - begin, users_per_batch), cut, chunk)


def frequent_items(plan: EventPlan, most: int) -> npt.NDArray[np.int32]:
    """Returns int32[up to `most`], the most frequent items of a plan in descending order of frequency."""
    items, counts = np.unique(np.concatenate([share.item.ravel() for share in plan.shares()]), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return items[order][items[order] > 0][:most].astype(np.int32)


def training_ends(sequences: EventSequences) -> Ints:
    """Returns int64[U + 1], the position after each user's last training event."""
    return sequences.user_splits[:-1] + sequences.counts([Split.TRAIN])


def split_ends(sequences: EventSequences, split: Split) -> Ints:
    """Returns int64[U + 1], the position after each user's last event of a split or of the splits before it."""
    return sequences.user_splits[:-1] + sequences.counts([s for s in Split if s <= split])


def training_groups(sequences: EventSequences, users_per_batch: int) -> list[Ints]:
    """Returns each group's users, by number of training events; users with fewer than two have no event to score."""
    return _groups(sequences.counts([Split.TRAIN]) - 1, users_per_batch)


def _groups(length: Ints, size: int) -> list[Ints]:
    users = np.flatnonzero(length > 0)
    users = users[np.argsort(length[users], kind="stable")]
    return [users[i : i + size] for i in range(0, len(users), size)]


def _plan(
    sequences: EventSequences, groups: list[Ints], cut: _Cut, chunk: int, replicas: int = 1, multiple: int = 1
) -> EventPlan:
    size = -(-max((len(users) for users in groups), default=0) // (replicas * multiple)) * multiple
    planned = []
    for users in groups:
        steps = -(-max(int(cut.length[users].max()), 1) // chunk) * chunk
        shares = (users[replica::replicas] for replica in range(replicas))
        planned.append([_group(sequences, np.pad(share, (0, size - len(share))), cut, steps) for share in shares])
    return EventPlan(planned, chunk)


def _group(sequences: EventSequences, users: Ints, cut: _Cut, steps: int) -> EventGroup:
    place = cut.begin[users, np.newaxis] + np.arange(steps + 1)
    inside = place < cut.end[users, np.newaxis]
    item = np.where(inside, sequences.item[np.where(inside, place, 0)], 0)
    return EventGroup(
        user=users.astype(np.int32),
        item=item.astype(np.int32),
        length=cut.length[users].astype(np.int32),
        first_scored=cut.first_scored[users].astype(np.int32),
        context=_group_context(sequences, users, cut, steps),
    )


def _group_context(sequences: EventSequences, users: Ints, cut: _Cut, steps: int) -> GroupContext | tuple[()]:
    context = sequences.context
    if context is None:
        return ()
    place = cut.begin[users, np.newaxis] + np.arange(-context.window, steps + 1)
    inside = (place >= sequences.user_splits[users, np.newaxis]) & (place < cut.end[users, np.newaxis])
    at = np.where(inside, place, 0)
    later, scored = at[:, context.window + 1 :], inside[:, context.window + 1 :, np.newaxis]
    return GroupContext(
        item=np.where(inside, sequences.item[at], 0).astype(np.int32),
        time=np.where(inside, sequences.timestamp[at], 0),
        features=np.where(scored, context.features[later], np.float32(0)),
        shared=np.where(scored, context.shared[later], np.float32(0)),
    )
