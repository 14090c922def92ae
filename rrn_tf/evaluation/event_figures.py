"""Metrics of next-item predictions, over all events and over each kind of event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rrn_tf.baselines.events.protocol import Answers
from rrn_tf.evaluation.event_kinds import Kinds
from rrn_tf.evaluation.event_metrics import Users, Values, discounted_gains, hits, over_users, reciprocal_ranks

NLL, HIT, MRR, NDCG = METRICS = ("nll", "hit", "mrr", "ndcg")
STANDARD_ERROR, SLICES, REPEATS = "standard_error", "slices", "repeats_left_out"


@dataclass(frozen=True)
class Measures:
    """The metrics to compute.

    Args:
      metrics: names from `METRICS`, in the order of the output.
      ks: cutoff ranks k of hit@k and NDCG@k.

    Raises:
      ValueError: for an unknown metric, or none.
    """

    metrics: tuple[str, ...] = METRICS
    ks: tuple[int, ...] = (10,)

    def __post_init__(self) -> None:
        unknown = [name for name in self.metrics if name not in METRICS]
        if unknown or not self.metrics:
            found = repr(unknown[0]) if unknown else "none"
            raise ValueError(f"expected metrics of {', '.join(METRICS)}, found {found}")

    def values(self, answers: Answers) -> dict[str, Values]:
        """Computes each metric of N events by name, such as ``ndcg@10``: float64[N]."""
        found: dict[str, Values] = {}
        for metric in self.metrics:
            if metric == NLL:
                found[NLL] = -answers.log_probability.astype(np.float64)
            elif metric == MRR:
                found[MRR] = reciprocal_ranks(answers.rank)
            else:
                gains = hits if metric == HIT else discounted_gains
                found |= {f"{metric}@{k}": gains(answers.rank, k) for k in self.ks}
        return found


def figures(values: Mapping[str, Values], user: Users) -> dict[str, Any]:
    """Averages metrics over the events of each user and then over users, with standard errors.

    Args:
      values: float[N], values of each metric by name.
      user: int[N], the user of each event.

    Returns:
      ``{"nll", "standard_error", "hit@10", "hit@10_standard_error", ..., "users", "n"}``; ``standard_error`` is
      that of the NLL. Standard errors are None if there is only one user.
    """
    found: dict[str, Any] = {}
    for name, of in values.items():
        estimate = over_users(of, user)
        found[name] = estimate.value
        found[STANDARD_ERROR if name == NLL else f"{name}_{STANDARD_ERROR}"] = (
            None if np.isnan(estimate.standard_error) else estimate.standard_error
        )
    return {**found, "users": len(np.unique(user)), "n": len(user)}


def sliced(values: Mapping[str, Values], user: Users, kinds: Mapping[str, Kinds]) -> dict[str, list[dict[str, Any]]]:
    """Computes the `figures` of each kind of event that occurs, by division; ``slice`` is the kind's name."""

    def row(name: str, inside: npt.NDArray[np.bool_]) -> dict[str, Any]:
        return {"slice": name, **figures({key: of[inside] for key, of in values.items()}, user[inside])}

    return {
        division: [row(name, inside) for number, name in enumerate(of.names) if (inside := of.kind == number).any()]
        for division, of in kinds.items()
    }


def shown(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Selects the figures that a table shows, which has the standard error of the NLL only."""
    hidden = (SLICES, REPEATS)
    return {key: of for key, of in figures.items() if key not in hidden and not key.endswith(f"_{STANDARD_ERROR}")}
