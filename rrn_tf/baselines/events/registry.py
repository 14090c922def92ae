"""The registry of baselines for events, in the order of the leaderboard."""

from __future__ import annotations

from rrn_tf.baselines.events.count_mixture import decayed_counts_and_neighbours, gated_counts, interpolated_counts
from rrn_tf.baselines.events.factorization import SoftmaxFactorization
from rrn_tf.baselines.events.hmm import PooledHMM
from rrn_tf.baselines.events.next_item_network import gru4rec, sasrec
from rrn_tf.baselines.events.ngram import ngrams
from rrn_tf.baselines.events.protocol import EventBaseline


def standard_event_baselines(seed: int = 0, everything: bool = False) -> list[EventBaseline]:
    """Creates the unfitted baselines; a new one is added here.

    Args:
      seed: seed of those that use random numbers.
      everything: whether to include matrix factorisation and the hidden Markov model, which take most of the time,
        predict poorly, and need the extra ``baselines``.
    """
    mixtures = [interpolated_counts(), decayed_counts_and_neighbours(), gated_counts(clock=False), gated_counts()]
    weak: list[EventBaseline] = [SoftmaxFactorization(seed=seed), PooledHMM(seed=seed)]
    return [*ngrams(), *(weak if everything else ()), *mixtures, gru4rec(seed), sasrec(seed)]
