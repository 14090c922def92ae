"""Says which parts of a model its average ratings through time are of."""

from __future__ import annotations

from rrn_tf.evaluation.experiments.subjects import RatingSubject


def what_moves(subject: RatingSubject) -> str:
    """Returns a sentence for a caption about the parts of the model that move with time.

    See `rrn_tf.states.through_time.StatesThroughTime.moving`.
    """
    if not subject.network.bayesian_factors:
        return "The ratings are those of the recurrent network."
    if subject.through_time.factors_move:
        return "The ratings are those of the whole model, whose factors have followed the ratings."
    weight = subject.network.part_weights.resting.network
    return (
        "The ratings are those of the recurrent network alone, since the Bayesian factors beside it were fitted to all "
        f"of the time at once; in the whole model the network has the weight {weight:.2f}"
        f"{'' if weight else ', so that nothing in it moves'}."
    )
