"""Models of events to beat, in the order of the leaderboard."""

from __future__ import annotations

from rrn_tf.baselines.events.count_mixture import decayed_counts_and_neighbours, gated_counts, interpolated_counts
from rrn_tf.baselines.events.factorization import SoftmaxFactorization
from rrn_tf.baselines.events.hmm import PooledHMM
from rrn_tf.baselines.events.next_item_network import gru4rec, sasrec
from rrn_tf.baselines.events.ngram import ngrams
from rrn_tf.baselines.events.protocol import EventBaseline


def standard_event_baselines(seed: int = 0, everything: bool = False) -> list[EventBaseline]:
    """Fresh, unfitted baselines; a new one is added here.

    Args:
      seed: of those that draw.
      everything: whether matrix factorisation and the hidden Markov model are among them, which take most of the time,
        foresee little, and need the extra ``baselines``.
    """
    mixtures = [interpolated_counts(), decayed_counts_and_neighbours(), gated_counts(clock=False), gated_counts()]
    weak: list[EventBaseline] = [SoftmaxFactorization(seed=seed), PooledHMM(seed=seed)]
    return [*ngrams(), *(weak if everything else ()), *mixtures, gru4rec(seed), sasrec(seed)]
