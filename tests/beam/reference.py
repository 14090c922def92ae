"""Sequences by loops and dictionaries: slow, obvious, and independent of rrn_tf.beam."""

from rrn_tf.features import Side, Split


def reference_sequences(ratings, cutoff, granularity, per_doubling=0):
    """Sequences of both sides.

    Args:
      ratings: list of (user_id, item_id, rating, timestamp, split).
      cutoff: unix seconds.
      granularity: seconds by side.
      per_doubling: steps that a doubling of an entity's ratings gives.

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

    def key_of(side, rating):
        """Time step and level, by the number of the entity's earlier ratings."""
        earlier = sum(r[place[side]] == rating[place[side]] and r[3] < rating[3] for r in ratings)
        return (rating[3] - cutoff) // granularity[side], (earlier**per_doubling).bit_length() if per_doubling else 0

    key = {side: {r: key_of(side, r) for r in ratings} for side in Side}

    def rows_before(side, rating):
        keys = {key[side][r] for r in ratings if r[place[side]] == rating[place[side]]}
        return sum(other < key[side][rating] for other in keys)

    sequences = {}
    for side in Side:
        sequences[side] = []
        for index, entity in enumerate(vocabulary[side], start=1):
            own = [r for r in ratings if r[place[side]] == entity]
            rows = []
            for this in sorted({key[side][r] for r in own}):
                row = []
                for r in own:
                    if key[side][r] == this:
                        opposite = r[place[side.opposite]]
                        row.append(
                            (
                                vocabulary[side.opposite].index(opposite) + 1,
                                rows_before(side.opposite, r),
                                r[2],
                                r[3],
                                int(r[4]),
                            )
                        )
                rows.append((this[0], sorted(row, key=lambda r: (r[3], r[0]))))
            sequences[side].append((entity, index, rows))
    return vocabulary, sequences
