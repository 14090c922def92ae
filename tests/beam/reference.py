"""Sequences by loops and dictionaries: slow, obvious, and independent of rrn_tf.beam."""

from rrn_tf.features import Side, Split


def reference_sequences(ratings, cutoff, granularity):
    """Sequences of both sides.

    Args:
      ratings: list of (user_id, item_id, rating, timestamp, split).
      cutoff: unix seconds.
      granularity: seconds by side.

    Returns:
      Vocabulary by side, and by side a list of (entity id, index, [(step, [(opposite index, opposite row, rating,
      timestamp, split), ...]), ...]).
    """
    place = {Side.USER: 0, Side.ITEM: 1}
    vocabulary = {}
    for side in Side:
        trained = {r[place[side]] for r in ratings if r[4] == Split.TRAIN}
        others = {r[place[side]] for r in ratings} - trained
        vocabulary[side] = sorted(trained, key=str.encode) + sorted(others, key=str.encode)

    def step_of(side, timestamp):
        return (timestamp - cutoff) // granularity[side]

    def rows_before(side, entity, step):
        earlier = {step_of(side, r[3]) for r in ratings if r[place[side]] == entity}
        return sum(other < step for other in earlier)

    sequences = {}
    for side in Side:
        sequences[side] = []
        for index, entity in enumerate(vocabulary[side], start=1):
            own = [r for r in ratings if r[place[side]] == entity]
            rows = []
            for step in sorted({step_of(side, r[3]) for r in own}):
                row = []
                for r in own:
                    if step_of(side, r[3]) == step:
                        opposite = r[place[side.opposite]]
                        row.append(
                            (
                                vocabulary[side.opposite].index(opposite) + 1,
                                rows_before(side.opposite, opposite, step_of(side.opposite, r[3])),
                                r[2],
                                r[3],
                                int(r[4]),
                            )
                        )
                rows.append((step, sorted(row, key=lambda r: (r[3], r[0]))))
            sequences[side].append((entity, index, rows))
    return vocabulary, sequences
