"""Computes the lowest possible loss of a model that lacks a planted effect of the generator of listening events."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from rrn_tf.data.synthetic_events import Floats
from rrn_tf.data.synthetic_listening import SOURCES, SyntheticListening


def loss_without(events: SyntheticListening, effects: Sequence[str], rows: npt.NDArray[np.bool_]) -> float:
    """Computes the lowest possible loss on some events of a model with all but some effects.

    Args:
      events: all generated events.
      effects: sources to leave out; the weights of the others are then optimal for these events. With ``"pause"`` or
        ``"length"``, weights are the same at all events.
      rows: bool[N], the events of the loss.

    Returns:
      The NLL in nats, averaged over each user's events, then over users.
    """
    mixture, chance = events.share[rows].astype(np.float64), events.chance[rows].astype(np.float64)
    if {"pause", "length"} & set(effects):
        mixture = (mixture > 0).astype(np.float64)
    mixture[:, [SOURCES.index(effect) for effect in effects if effect in SOURCES]] = 0
    _, user, events_of = np.unique(events.user[rows], return_inverse=True, return_counts=True)
    of_event = 1 / (len(events_of) * events_of[user])

    def loss(logits: Floats) -> float:
        weight = mixture * np.exp(logits)
        nll = np.log(weight.sum(axis=1)) - np.log((weight * chance).sum(axis=1))
        return float(of_event @ nll)

    known = np.zeros(len(SOURCES))
    return float(minimize(loss, known).fun) if effects else loss(known)
