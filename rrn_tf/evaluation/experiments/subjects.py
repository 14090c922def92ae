"""What a report is about: a run's data, model and predictions, from which experiments compute tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.baselines.events.protocol import DistributionModel
from rrn_tf.data.event_context import with_context
from rrn_tf.data.event_scores import Positions
from rrn_tf.data.events import EventSequences
from rrn_tf.data.interactions import Interactions
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.data.shared_counts import SharedCounts
from rrn_tf.evaluation.average_ratings import AverageRatings, average_ratings, calendar, sampled_users, training_counts
from rrn_tf.evaluation.event_leaderboard import EventScores
from rrn_tf.evaluation.leaderboard import RatingPredictions
from rrn_tf.evaluation.network_scores import event_model
from rrn_tf.features import Side, Split
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.models.rrn import RRN
from rrn_tf.states.event_states import EventNetwork
from rrn_tf.states.through_time import StatesThroughTime

# Of the average ratings through time: the most and least rated items, and the number of times.
_MOST_ITEMS, _FEWEST_RATINGS, _TIMES = 2_000, 10, 61


@dataclass(frozen=True)
class ReportOptions:
    """What a user asks of a report.

    Attributes:
      items: attributes of items with a column ``item_id``, and ``title`` if they have titles; None without them.
      events: dates of events with columns ``item_id`` and ``date`` (datetime64, UTC), and others that name the event;
        None without them.
      granularities: time steps of users and items in seconds, to train anew with each pair.
      users: ids of users that the page may show; nobody else's id is in it.
      explored_items: how many items, the most rated ones, can be searched for in the page.
      sampled_users: how many users, drawn once, every average rating is an average over.
      seed: of the draw, and of the baselines.
    """

    items: pd.DataFrame | None = None
    events: pd.DataFrame | None = None
    granularities: tuple[tuple[int, int], ...] = ()
    users: tuple[str, ...] = ()
    explored_items: int = 200
    sampled_users: int = 200
    seed: int = 0


class Predicted(NamedTuple):
    """Predictions of the same N held-out ratings by several models, under one protocol.

    Attributes:
      ratings: the ratings; users and items unseen in training have indices above the trained ones.
      split: uint8[N], the `Split` of each.
      models: predictions by the model's name, the RRN first.
    """

    ratings: Interactions
    split: npt.NDArray[np.uint8]
    models: dict[str, RatingPredictions]

    def of(self, *splits: Split) -> Predicted:
        """Returns those of some splits."""
        rows = np.isin(self.split, [int(split) for split in splits])
        models = {name: predictions.take(rows) for name, predictions in self.models.items()}
        return Predicted(self.ratings.take(rows), self.split[rows], models)


class TrainedAnew(NamedTuple):
    """The result of training the model of a run anew with other settings.

    Attributes:
      rmse: of the test ratings, or of the validation ratings where there are none, by protocol.
      seconds: of training.
    """

    rmse: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class RatingSubject:
    """A trained RRN, its data and its rivals.

    Attributes:
      sequences: the prepared ratings.
      network: the trained network.
      predict: predicts ratings float32[N] by the saved model, frozen at the cutoff, from user_id, item_id and
        timestamp as `SavedRRN.predict` does.
      config: the resolved configuration as plain values, as in `config.yaml`.
      metrics: the content of `metrics.json`; empty for a model without that file.
      compare: fits all baselines and predicts the held-out ratings by protocol (`frozen`, `streaming`); called once.
      train: trains anew with some settings replaced, by their path; None where the run cannot be trained again.
      options: what the user asks for.
    """

    sequences: RatingSequences
    network: RRN
    predict: Callable[..., npt.NDArray[np.float32]]
    config: Mapping[str, Any]
    metrics: Mapping[str, Any]
    compare: Callable[[], Mapping[str, Predicted]]
    train: Callable[[Mapping[str, Any]], TrainedAnew] | None = None
    options: ReportOptions = field(default_factory=ReportOptions)

    @cached_property
    def predictions(self) -> Mapping[str, Predicted]:
        """Predictions of the held-out ratings by the RRN and all baselines, by protocol."""
        return self.compare()

    @cached_property
    def through_time(self) -> StatesThroughTime:
        """What the model knew of users and items at any time; computed once, in about a pass over the ratings."""
        seed = self.config.get("training", {}).get("seed", 0)
        return StatesThroughTime(self.network, self.sequences, seed)

    @cached_property
    def averages(self) -> AverageRatings:
        """The average rating of the most rated items by the sampled users, from the first rating to the cutoff.

        It is that of the parts of the model that move with time (`StatesThroughTime.moving`).
        """
        users = sampled_users(self.sequences, self.options.sampled_users, self.options.seed)
        rated = training_counts(self.sequences, Side.ITEM)
        items = np.argsort(-rated, kind="stable")[:_MOST_ITEMS]
        items = np.sort(items[rated[items] >= min(_FEWEST_RATINGS, rated.max(initial=0))])
        items = items[items > 0]
        return average_ratings(self.through_time.moving(), users, items, calendar(self.sequences, _TIMES))


class Scored(NamedTuple):
    """Scores of the same N held-out events by several models.

    Attributes:
      positions: int64[N], the events.
      models: scores by the model's name, the model of the run first.
    """

    positions: Positions
    models: dict[str, EventScores]

    def at(self, positions: Positions) -> Scored:
        """Returns the scores of some of the events; both positions are in ascending order."""
        rows = np.searchsorted(self.positions, positions)
        return Scored(positions, {name: scores.take(rows) for name, scores in self.models.items()})


@dataclass(frozen=True)
class EventSubject:
    """A trained Collaborative RNN or mixture, its data and its rivals.

    Attributes:
      sequences: the prepared events.
      network: the trained network.
      config, metrics, options: as those of `RatingSubject`.
      compare: fits all baselines and scores the held-out events by every model, by protocol (``clean``,
        ``interleaved``); called once.
    """

    sequences: EventSequences
    network: EventNetwork
    config: Mapping[str, Any]
    metrics: Mapping[str, Any]
    compare: Callable[[], Mapping[str, Scored]]
    options: ReportOptions = field(default_factory=ReportOptions)

    @cached_property
    def scores(self) -> Mapping[str, Scored]:
        """Scores of the held-out events by all models, by protocol."""
        return self.compare()

    @cached_property
    def foresight(self) -> tuple[EventSequences, DistributionModel]:
        """The events with all that the network predicts from, and the network as a model of distributions over items.

        A mixture also predicts from features of each event and from counts of other users' training events, which are
        computed here.
        """
        if not isinstance(self.network, CollaborativeMixture):
            return self.sequences, event_model(self.network, None, "network")
        counts, sizes = SharedCounts(self.sequences), self.config["model"]
        # Log-probabilities of the events' own items are for training.
        sequences = with_context(self.sequences, counts, sizes["window"], clock=sizes["clock"], splits=())
        return sequences, event_model(self.network, counts, "mixture")
