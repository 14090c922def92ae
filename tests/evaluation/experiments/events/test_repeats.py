"""Where next items come from, against loops."""

from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.evaluation.experiments.events import repeats
from rrn_tf.evaluation.experiments.exhibits import Figure, Table
from rrn_tf.evaluation.experiments.scored_events import ScoredEvents
from rrn_tf.evaluation.experiments.subjects import EventSubject
from rrn_tf.features import Split


def kind_of(subject: EventSubject, position: int) -> str:
    events = subject.sequences
    earlier = events.item[events.user_splits[events.user[position]] : position].tolist()
    if earlier and earlier[-1] == events.item[position]:
        return "own last item again"
    return "own earlier item" if events.item[position] in earlier else "new to the user"


def test_shares_and_losses_of_each_kind(subject: EventSubject, held: ScoredEvents) -> None:
    table, figure = repeats.exhibits(subject)
    assert isinstance(table, Table)
    assert isinstance(figure, Figure)
    kinds = np.array([kind_of(subject, position) for position in held.positions])
    firsts = set(subject.sequences.user_splits.tolist())
    training = np.flatnonzero(subject.sequences.split == Split.TRAIN)
    trained = [kind_of(subject, position) for position in training if position not in firsts]
    rows = table.frame.set_index(["kind", "model"])
    assert len(set(kinds)) == 3
    assert len(rows) == 6
    network = -held.models["mixture"].log_probability
    for kind in set(kinds):
        for model in ("mixture", "2-gram"):
            loss, inside = -held.models[model].log_probability, kinds == kind
            users = np.unique(held.user[inside])
            row = rows.loc[(kind, model)]
            means = [loss[inside & (held.user == user)].mean() for user in users]
            assert row["NLL"] == pytest.approx(np.mean(means), rel=1e-5)
            assert (row["users"], row["events"]) == (len(users), inside.sum())
            assert row["share"] == pytest.approx(inside.mean())
            assert row["share in training"] == pytest.approx(trained.count(kind) / len(trained))
            if model == "2-gram":
                differences = [(loss - network)[inside & (held.user == user)].mean() for user in users]
                assert row["difference"] == pytest.approx(np.mean(differences), rel=1e-4)
    new = rows.loc[("new to the user", "mixture")]
    assert f"{new['share']:.1%} come with an item that is new to the user (NLL {new['NLL']:.2f} nats" in table.caption
    assert "never met in training are not scored: there were 2 in all" in table.caption
