"""Error by entropy, against loops."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import entropy

from rrn_tf.evaluation.experiments.events import entropy_bins
from rrn_tf.evaluation.experiments.exhibits import Figure, Omitted
from rrn_tf.evaluation.experiments.scored_events import ScoredEvents
from rrn_tf.evaluation.experiments.subjects import EventSubject
from rrn_tf.features import Split
from tests.event_subjects import logged_events, subject_of


def test_three_bins_of_users_by_entropy(subject: EventSubject, held: ScoredEvents) -> None:
    (figure,) = entropy_bins.exhibits(subject)
    assert isinstance(figure, Figure)
    events = subject.sequences
    of_user = {}
    for user in range(1, 10):
        items = events.item[(events.user == user) & (events.split == Split.TRAIN)]
        of_user[user] = float(entropy([*Counter(items.tolist()).values()]))
    ordered = sorted(of_user, key=of_user.__getitem__)
    rows = figure.frame.set_index(["kind", "model"])
    for number, kind in enumerate(("low entropy", "middle", "high")):
        users = ordered[3 * number : 3 * number + 3]
        for model in held.models:
            loss = -held.models[model].log_probability
            means = [loss[held.user == user].mean() for user in users]
            row = rows.loc[(kind, model)]
            assert row["NLL"] == pytest.approx(np.mean(means), rel=1e-5)
            assert row["s.e."] == pytest.approx(np.std(means, ddof=1) / np.sqrt(3), rel=1e-4)
            assert (row["users"], row["events"]) == (3, 12)
            assert row["mean entropy"] == pytest.approx(np.mean([of_user[user] for user in users]))
    low, high = (rows.loc[(kind, "mixture")]["NLL"] for kind in ("low entropy", "high"))
    assert f"{low:.2f} nats in the lowest bin and {high:.2f} in the highest" in figure.caption
    assert "strongest rival, 2-gram" in figure.caption


def test_two_users_make_no_three_bins() -> None:
    (found,) = entropy_bins.exhibits(subject_of(logged_events(users=2)))
    assert isinstance(found, Omitted)
    assert "fewer than three users" in found.reason
