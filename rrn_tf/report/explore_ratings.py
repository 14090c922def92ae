"""Explored ratings: predictions through time, the ratings themselves, and lists of items at several dates."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.sequences import RatingSequences
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.features import RATING, Side
from rrn_tf.report.explored import BEST, Ints, even_dates, indices_of, most_frequent, named, rounded
from rrn_tf.serving.similar_items import compared_vectors, most_similar

_COMPARED = 12  # dates at which lists of items can be compared
_ALIKE = 8  # similar items of each item
_DOTS = 120  # ratings of an item that are drawn
_MEAN_OF = 20  # latest ratings in a running mean
_TICKS = 10_000  # precision of the times of dots: the span of all ratings in so many parts

Floats = npt.NDArray[np.float32]


class _Ratings(NamedTuple):
    """N ratings of the items shown, by item and time: each item's place from 0, and what is known of the rating."""

    place: Ints
    user: npt.NDArray[np.int32]
    time: Ints
    rating: Floats


def explore_ratings(subject: RatingSubject) -> dict[str, Any]:
    """Computes predicted ratings through time, the ratings themselves, and lists of items at several dates.

    The average user stands for the same sampled users at every date (Wu et al., Section 4.3). Items are similar as
    `rrn similar` says, and the best ones are ranked as `rrn recommend` ranks them; both among the items shown alone.

    Args:
      subject: the trained model with its data and options.

    Returns:
      ``kind``: ``ratings``; ``dates``: unix seconds of D dates; ``compared``: places in it of the C dates of lists;
      ``cutoff``, unix seconds; ``range`` of ratings; ``sampled``: how many users are averaged over; ``catalogue``: how
      many items have training ratings; ``mean_of``: how many ratings a running mean takes in; ``tick``: seconds of a
      unit of time after the first date, in which ratings are given.
      ``items``: of N items ``id``, ``title`` where there are titles, ``count`` of ratings, ``predicted`` [N][D] for the
      average user, ``mean`` [N][D], ``splits`` [N + 1], ``time`` and ``rating`` of the ratings drawn, ``near`` and
      ``likeness`` [C][N][k]; ``best`` [C][k], the items of the highest average.
      ``users``: of each user asked for ``id``, whether ``trained``, ``predicted`` [N][D], ``item``, ``time`` and
      ``rating`` of the user's own ratings, and ``best`` [C][k] without items that the user had rated by then.
    """
    sequences, options = subject.sequences, subject.options
    users = indices_of(options.users, sequences.user_ids)
    trained = sequences.metadata.items.trained
    rated = np.bincount(sequences.user.opposite, minlength=trained + 1)[: trained + 1]
    shown = most_frequent(rated, options.explored_items)
    dates = even_dates(sequences.user.timestamp)
    compared = np.unique(np.linspace(0, len(dates) - 1, _COMPARED).round().astype(np.int64))
    ratings = _ratings_of(sequences, shown)
    tick = max(int(dates[-1] - dates[0]) // _TICKS, 1)
    vectors = _vectors(subject, Side.ITEM, shown, dates)
    average = _average(subject, vectors, dates)
    moments = [most_similar(vector, np.arange(len(shown)), _ALIKE) for vector in _compared(subject, vectors, compared)]
    dots = _thinned(ratings, len(shown))
    return {
        "kind": "ratings",
        "dates": dates.tolist(),
        "compared": compared.tolist(),
        "cutoff": sequences.metadata.cutoff,
        "range": [sequences.metadata.rating_min, sequences.metadata.rating_max],
        "sampled": min(options.sampled_users, sequences.metadata.users.trained),
        "catalogue": trained,
        "mean_of": _MEAN_OF,
        "tick": tick,
        "items": {
            **named(sequences.item_ids[shown - 1], options.items),
            "count": rated[shown].tolist(),
            "predicted": rounded(average.T),
            "mean": rounded(_running_mean(ratings, len(shown), dates)),
            "splits": np.searchsorted(dots.place, np.arange(len(shown) + 1)).tolist(),
            "time": ((dots.time - dates[0]) // tick).tolist(),
            RATING: rounded(dots.rating),
            "near": [place.tolist() for place, _ in moments],
            "likeness": [rounded(cosine) for _, cosine in moments],
            "best": _best(average[compared]),
        },
        "users": [_user(subject, user, ratings, vectors, dates, compared, tick) for user in users.tolist()],
    }


def _user(
    subject: RatingSubject, user: int, ratings: _Ratings, vectors: Floats, dates: Ints, compared: Ints, tick: int
) -> dict[str, Any]:
    own = _Ratings(*(column[ratings.user == user] for column in ratings))
    own_vectors = _vectors(subject, Side.USER, np.array([user]), dates)[0]
    score = np.einsum("dk,ndk->dn", own_vectors, vectors)
    first = np.full(len(vectors), np.iinfo(np.int64).max)
    np.minimum.at(first, own.place, own.time)
    left = np.where(first <= dates[compared, np.newaxis], -np.inf, score[compared])
    return {
        "id": str(subject.sequences.user_ids[user - 1]),
        "trained": user <= subject.sequences.metadata.users.trained,
        "predicted": rounded(subject.through_time.clip(score.T)),
        "item": own.place.tolist(),
        "time": ((own.time - dates[0]) // tick).tolist(),
        RATING: rounded(own.rating),
        "best": _best(left),
    }


def _ratings_of(sequences: RatingSequences, shown: Ints) -> _Ratings:
    """Returns all ratings of the items shown, of every split."""
    side = sequences.user
    place = np.full(sequences.metadata.items.total + 1, -1)
    place[shown] = np.arange(len(shown))
    rows = np.flatnonzero(place[side.opposite] >= 0)
    rows = rows[np.lexsort((side.timestamp[rows], place[side.opposite[rows]]))]
    user = side.entity_of(rows)
    return _Ratings(place[side.opposite[rows]], user, side.times(rows), side.rating[rows])


def _vectors(subject: RatingSubject, side: Side, entity: Ints, dates: Ints) -> Floats:
    """Returns vectors float32[N, D, d] of N entities at D dates."""
    count, moments = len(entity), len(dates)
    found = subject.through_time.vectors(side, entity.repeat(moments), np.tile(dates, count))
    return found.reshape(count, moments, found.shape[-1])


def _average(subject: RatingSubject, vectors: Floats, dates: Ints) -> Floats:
    """Returns float32[D, N]: the mean of the ratings predicted for the sampled users."""
    trained, options = subject.sequences.metadata.users.trained, subject.options
    draw = np.random.default_rng(options.seed)
    sampled = 1 + draw.choice(trained, min(options.sampled_users, trained), replace=False)
    users = _vectors(subject, Side.USER, np.sort(sampled), dates)
    # Date by date, because ratings of all users and items at all dates would take much memory.
    ratings = (users[:, date] @ vectors[:, date].T for date in range(len(dates)))
    return np.stack([subject.through_time.clip(rating).mean(axis=0) for rating in ratings])


def _compared(subject: RatingSubject, vectors: Floats, compared: Ints) -> Floats:
    """Returns float32[C, N, d]: what `rrn similar` compares of the items at each date of lists."""
    return compared_vectors(subject.network, vectors[:, compared].swapaxes(0, 1))


def _running_mean(ratings: _Ratings, items: int, dates: Ints) -> npt.NDArray[np.float64]:
    """Returns float64[N, D]: the mean of each item's latest ratings at each date; NaN before its first."""
    known_from = np.searchsorted(dates, ratings.time)
    known = np.zeros((items, len(dates)), np.int64)
    np.add.at(known, (ratings.place, known_from), 1)
    known = known.cumsum(axis=1)
    end = np.searchsorted(ratings.place, np.arange(items))[:, np.newaxis] + known
    taken = np.minimum(known, _MEAN_OF)
    total = np.concatenate([[0.0], np.cumsum(ratings.rating, dtype=np.float64)])
    return np.where(taken > 0, (total[end] - total[end - taken]) / np.maximum(taken, 1), np.nan)


def _thinned(ratings: _Ratings, items: int) -> _Ratings:
    """Returns, of each item with more than `_DOTS` ratings, so many, evenly spread over its ratings in their order."""
    count = np.bincount(ratings.place, minlength=items)[ratings.place]
    rank = np.arange(len(ratings.place)) - np.searchsorted(ratings.place, ratings.place)
    kept = (count <= _DOTS) | (rank * _DOTS // count != (rank - 1) * _DOTS // count)
    return _Ratings(*(column[kept] for column in ratings))


def _best(score: Floats) -> list[list[int]]:
    """Returns for each row of float[C, N] the places of the highest scores, best first; none of minus infinity."""
    order = np.argsort(-score, axis=1, kind="stable")[:, :BEST]
    return [places[score[row, places] > -np.inf].tolist() for row, places in enumerate(order)]
