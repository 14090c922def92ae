"""The held-out events that experiments are about, scored by several models, and what they have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.baselines.events.protocol import Answers
from rrn_tf.data.event_scores import Positions
from rrn_tf.data.events import EventSequences
from rrn_tf.evaluation.event_figures import HIT, MRR, NLL, STANDARD_ERROR, Measures, sliced
from rrn_tf.evaluation.event_kinds import Kinds
from rrn_tf.evaluation.event_leaderboard import EventScores
from rrn_tf.evaluation.event_metrics import Estimate, nll, nll_difference
from rrn_tf.evaluation.event_protocols import CLEAN
from rrn_tf.evaluation.experiments.sentences import counted
from rrn_tf.evaluation.experiments.subjects import EventSubject
from rrn_tf.features import Split

NOTHING_HELD_OUT = (
    "The run has no held-out events to score. `data.holdout` holds out the last events of each user; "
    "`--valid FILE` gives later events in a file of their own."
)
KIND, MODEL, EVENTS, USERS = "kind", "model", "events", "users"
ERROR, DIFFERENCE, DIFFERENCE_ERROR = "s.e.", "difference", "s.e. of difference"
_METRICS = {"nll": "NLL", STANDARD_ERROR: ERROR, "hit@10": "hit@10", "mrr": "MRR", "users": USERS, "n": EVENTS}
_FORMATS = {
    **dict.fromkeys(("NLL", ERROR, "hit@10", "MRR", "NDCG@10", DIFFERENCE_ERROR), ".4f"),
    DIFFERENCE: "+.4f",
    **dict.fromkeys((EVENTS, USERS), ",d"),
}


@dataclass(frozen=True)
class ScoredEvents:
    """Held-out events of one split, scored by several models under one protocol.

    Attributes:
      sequences: all events.
      split: the split of the scored ones.
      positions: int64[N], the scored events.
      models: scores by the model's name, the network of the run first.
    """

    sequences: EventSequences
    split: Split
    positions: Positions
    models: dict[str, EventScores]

    @cached_property
    def user(self) -> npt.NDArray[np.int32]:
        """int32[N], the user of each event."""
        return self.sequences.user[self.positions]

    @property
    def network(self) -> str:
        """Name of the network of the run."""
        return next(iter(self.models))

    @cached_property
    def rivals(self) -> list[str]:
        """Names of the other models, by increasing NLL."""
        return sorted([*self.models][1:], key=lambda name: self.nll(name).value)

    @property
    def chosen(self) -> list[str]:
        """Names of the network and of its strongest rival, if there is any."""
        return [self.network, *self.rivals[:1]]

    def nll(self, model: str) -> Estimate:
        """Computes the NLL of a model."""
        return nll(self.models[model].log_probability, self.user)

    def above_network(self, model: str, rows: npt.NDArray[np.bool_] | slice = slice(None)) -> Estimate:
        """Computes the NLL of a model less that of the network on the same events, all or some of them."""
        of, network = (self.models[name].log_probability[rows] for name in (model, self.network))
        return nll_difference(of, network, self.user[rows])

    def described(self) -> str:
        """Returns the numbers of events and users, such as ``36 test events of 12 users``."""
        name = {Split.TEST: "test", Split.VALID: "validation"}[self.split]
        users = counted(len(np.unique(self.user)), "user")
        return f"{counted(len(self.positions), f'{name} event')} of {users}"

    def by_kind(self, kinds: Kinds, models: Sequence[str]) -> pd.DataFrame:
        """Computes the figures of models for each kind of event that occurs.

        Args:
          kinds: a division of the events.
          models: names of models.

        Returns:
          One row for each kind and model: their names; ``NLL`` with its standard error, ``hit@10`` and ``MRR``; the
          NLL less that of the network on the same events, with its standard error; numbers of users and events.
        """
        tables = []
        for name in models:
            of = self.models[name]
            values = Measures((NLL, HIT, MRR)).values(Answers(of.log_probability, of.rank))
            table = pd.DataFrame(sliced(values, self.user, {KIND: kinds})[KIND])
            number = [kinds.names.index(kind) for kind in table["slice"]]
            above = [self.above_network(name, kinds.kind == kind) for kind in number]
            table = table.rename(columns=_METRICS)[list(_METRICS.values())]
            table.insert(0, KIND, [kinds.names[kind] for kind in number])
            table.insert(1, MODEL, name)
            own = name == self.network
            table[DIFFERENCE] = [np.nan if own else of.value for of in above]
            table[DIFFERENCE_ERROR] = [np.nan if own else of.standard_error for of in above]
            tables.append(table)
        return pd.concat(tables, ignore_index=True).astype({ERROR: np.float64})


def formats_of(frame: pd.DataFrame, more: Mapping[str, str]) -> dict[str, str]:
    """Returns the formats of the columns of a frame: those of the metrics in it, and more."""
    return {**{column: form for column, form in _FORMATS.items() if column in frame}, **more}


def scored_events(subject: EventSubject, protocol: str = CLEAN) -> ScoredEvents | None:
    """Returns the scored test events, or validation events if there are no test events; None without either."""
    scored = subject.scores.get(protocol)
    if scored is None or not len(scored.positions):
        return None
    split = subject.sequences.split[scored.positions]
    of = Split.TEST if (split == Split.TEST).any() else Split.VALID
    rows = split == of
    models = {name: scores.take(rows) for name, scores in scored.models.items()}
    return ScoredEvents(subject.sequences, of, scored.positions[rows], models)
