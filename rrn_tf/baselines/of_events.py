"""Models of events to beat, in the order of the leaderboard."""

from __future__ import annotations

from rrn_tf.baselines.event_model import EventBaseline
from rrn_tf.baselines.factorization import SoftmaxFactorization
from rrn_tf.baselines.hmm import PooledHMM
from rrn_tf.baselines.ngram import ngrams


def standard_event_baselines(seed: int = 0) -> list[EventBaseline]:
    """Fresh, unfitted baselines; needs the extra ``baselines``. A new one is added here."""
    return [*ngrams(), SoftmaxFactorization(seed=seed), PooledHMM(seed=seed)]
