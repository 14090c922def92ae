"""The numbers behind the part of a report's page where a reader looks up items and users."""

from __future__ import annotations

from typing import Any

from rrn_tf.evaluation.experiments.subjects import EventSubject, RatingSubject
from rrn_tf.report.explore_events import explore_events
from rrn_tf.report.explore_ratings import explore_ratings


def explore_data(subject: RatingSubject | EventSubject) -> dict[str, Any]:
    """Computes what the page lets a reader explore, as plain values for JSON.

    The page holds the most rated items alone (``options.explored_items``), and of users only those who are asked for
    (``options.users``); nobody else's id is in it. Columns with a value for each item or user are lists in the same
    order, and items are referred to by their place in these lists.

    Args:
      subject: the trained model with its data and options.

    Returns:
      The values of `explore_ratings` or of `explore_events`; ``kind`` tells which.

    Raises:
      ValueError: in one line, for a user who is not in the data.
    """
    return explore_ratings(subject) if isinstance(subject, RatingSubject) else explore_events(subject)
