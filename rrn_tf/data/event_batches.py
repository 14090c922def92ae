"""Events cut into groups of users of similar length, whose steps are taken in chunks."""

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
    """What a mixture predicts a group's events from, beside states; W is its window.

    Attributes:
      item: int32[B, W + T + 1], the W items before the group's first one, then the group's; 0 where there is none.
      time: int64[B, W + T + 1], their times in unix seconds, 0 likewise.
      features: float32[B, T, f], of the event after each step (`rrn_tf.data.event_context`).
      shared: float32[B, T, s], log-probabilities of its item.
    """

    item: Any
    time: Any
    features: Any
    shared: Any


class EventGroup(NamedTuple):
    """B users with up to T events to be fed, one a step; T is a whole number of chunks.

    Step t feeds ``item[:, t]``, and the state after it scores ``item[:, t + 1]``.

    Attributes:
      user: int32[B], 0 where the group has fewer users.
      item: int32[B, T + 1], items in order, 0 at padding.
      length: int32[B], how many of them are fed.
      first_scored: int32[B], the first step that is scored; those from it to `length` are.
      context: of events with one (`EventSequences.context`), else nothing.
    """

    user: Any
    item: Any
    length: Any
    first_scored: Any
    context: GroupContext | tuple[()] = ()


def spec_of(group: EventGroup) -> EventGroup:
    """Shapes and dtypes of groups of as many users, with any number of steps."""

    def spec(part: Any) -> tf.TensorSpec:
        steps, widths = [None] * (len(part.shape) > 1), part.shape[2:]
        return tf.TensorSpec([part.shape[0], *steps, *widths], part.dtype)

    return tf.nest.map_structure(spec, group)


@dataclass(frozen=True)
class EventPlan:
    """Groups of users, each already divided into one share a replica, all of one number of users.

    Attributes:
      groups: shares of each group.
      chunk: steps of a chunk.
    """

    groups: list[list[EventGroup]]
    chunk: int

    def __len__(self) -> int:
        return len(self.groups)

    @property
    def num_scored(self) -> int:
        """How many events are scored."""
        shares = self.shares()
        return sum(int(np.maximum(share.length - share.first_scored, 0).sum()) for share in shares)

    @property
    def num_chunks(self) -> int:
        return sum(shares[0].item.shape[1] // self.chunk for shares in self.groups)

    def shares(self) -> Iterator[EventGroup]:
        """Shares of all groups, replica by replica."""
        for shares in self.groups:
            yield from shares


@dataclass(frozen=True)
class _Cut:
    """Which events of each user are taken: from `begin` to `end`, `length` of them fed, scored from `first_scored`."""

    begin: Ints
    end: Ints
    length: Ints
    first_scored: Ints


def plan_training(
    sequences: EventSequences, users_per_batch: int, chunk: int, last_chunks: int = 0, replicas: int = 1
) -> EventPlan:
    """Training events: each but the last of a user is fed, each but the first scored.

    Args:
      sequences: the events.
      users_per_batch: users of a group.
      chunk: steps of a chunk.
      last_chunks: only the last so many chunks of each user (0: all).
      replicas: shares of each group.
    """
    begin, end = sequences.user_splits[:-1], training_ends(sequences)
    if last_chunks:
        begin = np.maximum(begin, end - last_chunks * chunk - 1)
    cut = _Cut(begin, end, np.maximum(end - begin - 1, 0), np.zeros_like(begin))
    return _plan(sequences, training_groups(sequences, users_per_batch), cut, chunk, replicas)


def plan_interleaved(
    sequences: EventSequences, split: Split, users_per_batch: int, chunk: int, first_chunks: int = 0, replicas: int = 1
) -> EventPlan:
    """Events of a later split alone, in the groups of `plan_training`: all but the last are fed, but the first scored.

    Args:
      sequences: the events.
      split: the later one.
      users_per_batch: users of a group.
      chunk: steps of a chunk.
      first_chunks: only the first ``first_chunks * chunk`` events of each user, as the authors count them (0: all).
      replicas: shares of each group.
    """
    end = split_ends(sequences, split)
    begin = end - sequences.counts([split])
    if first_chunks:
        end = np.minimum(end, begin + first_chunks * chunk)
    cut = _Cut(begin, end, np.maximum(end - begin - 1, 0), np.zeros_like(begin))
    return _plan(sequences, training_groups(sequences, users_per_batch), cut, chunk, replicas)


def plan_scoring(sequences: EventSequences, split: Split, users_per_batch: int, chunk: int) -> EventPlan:
    """All events up to the end of a later split; each event of that split is scored. Users without any are left out."""
    begin, end = sequences.user_splits[:-1], split_ends(sequences, split)
    scored = sequences.counts([split])
    length = np.maximum(end - begin - 1, 0)
    cut = _Cut(begin, end, length, np.maximum(length - scored, 0))
    return _plan(sequences, _groups(np.where(scored > 0, length, 0), users_per_batch), cut, chunk)


def plan_rolling(sequences: EventSequences, users_per_batch: int, chunk: int) -> EventPlan:
    """All training events are fed, none is scored."""
    begin, end = sequences.user_splits[:-1], training_ends(sequences)
    cut = _Cut(begin, end, end - begin, end - begin)
    return _plan(sequences, _groups(end - begin, users_per_batch), cut, chunk)


def plan_until(sequences: EventSequences, positions: Ints, users_per_batch: int, chunk: int) -> EventPlan:
    """All events before the last of each user's `positions` are fed, none is scored. Users without any are left out."""
    begin = sequences.user_splits[:-1]
    end = begin.copy()
    np.maximum.at(end, sequences.user[positions], positions)
    cut = _Cut(begin, end, end - begin, end - begin)
    return _plan(sequences, _groups(end - begin, users_per_batch), cut, chunk)


def frequent_items(plan: EventPlan, most: int) -> npt.NDArray[np.int32]:
    """int32[up to `most`], the items that come most often in a plan, first the most frequent one."""
    items, counts = np.unique(np.concatenate([share.item.ravel() for share in plan.shares()]), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return items[order][items[order] > 0][:most].astype(np.int32)


def training_ends(sequences: EventSequences) -> Ints:
    """int64[U + 1], where the training events of each user end."""
    return sequences.user_splits[:-1] + sequences.counts([Split.TRAIN])


def split_ends(sequences: EventSequences, split: Split) -> Ints:
    """int64[U + 1], where the events of each user up to those of a split end."""
    return sequences.user_splits[:-1] + sequences.counts([s for s in Split if s <= split])


def training_groups(sequences: EventSequences, users_per_batch: int) -> list[Ints]:
    """Users of each group, by their number of training events; those with fewer than two have nothing to learn from."""
    return _groups(sequences.counts([Split.TRAIN]) - 1, users_per_batch)


def _groups(length: Ints, size: int) -> list[Ints]:
    users = np.flatnonzero(length > 0)
    users = users[np.argsort(length[users], kind="stable")]
    return [users[i : i + size] for i in range(0, len(users), size)]


def _plan(sequences: EventSequences, groups: list[Ints], cut: _Cut, chunk: int, replicas: int = 1) -> EventPlan:
    size = -(-max((len(users) for users in groups), default=0) // replicas)
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
