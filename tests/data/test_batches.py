"""Batches: every training rating once, in its place, whatever the number of replicas."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.data import batches
from rrn_tf.data.batches import plan_batches
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.data.synthetic import SyntheticConfig, generate
from rrn_tf.data.wallclock import wallclock_of
from rrn_tf.features import SIDES, Side, Split
from tests.prepared import write_synthetic

BUDGET = 200


@pytest.fixture(scope="module")
def sequences(tmp_path_factory: pytest.TempPathFactory) -> RatingSequences:
    ratings = generate(SyntheticConfig(users=90, items=50, ratings=1_500, days=90, seed=2))
    return load_sequences(write_synthetic(ratings, tmp_path_factory.mktemp("data")))


def test_both_sides_point_at_each_other(sequences: RatingSequences) -> None:
    """A rating's row on one side is the opposite row of the same rating on the other."""

    def keyed(side: Side) -> dict[tuple[int, int, int], tuple[int, int]]:
        s = sequences.side(side)
        own = s.row_entity[s.rating_row]
        pair = (own, s.opposite) if side is Side.USER else (s.opposite, own)
        rows = (s.rating_row, s.opposite_row) if side is Side.USER else (s.opposite_row, s.rating_row)
        keys = zip(pair[0].tolist(), pair[1].tolist(), s.timestamp.tolist(), strict=True)
        return dict(zip(keys, zip(*(r.tolist() for r in rows), strict=True), strict=True))

    assert keyed(Side.USER) == keyed(Side.ITEM)
    assert len(keyed(Side.USER)) == 1_500


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_every_training_rating_once_and_in_its_place(side: Side, replicas: int, sequences: RatingSequences) -> None:
    s = sequences.side(side)
    plan = plan_batches(s, sequences.metadata, BUDGET, replicas)
    seen = []
    for shares in plan.batches:
        assert len(shares) == replicas
        assert sum(len(share.rating) for share in shares) == shares[0].total
        for share in shares:
            batch, steps = share.context.shape[:2]
            owner, step = np.divmod(share.slot, steps)
            assert (step < share.length[owner]).all()
            row = share.first_row[owner] + step
            assert (s.row_entity[row] == share.entity[owner]).all()
            assert (np.where(step + 1 < share.length[owner], share.slot + 1, -1) == share.input_slot).all()
            seen += zip(row.tolist(), share.distinct[share.position].tolist(), share.rating.tolist(), strict=True)
            assert batch == len(share.entity)
    expected = s.split == Split.TRAIN
    columns = (s.rating_row[expected], s.opposite[expected], s.rating[expected])
    assert sorted(seen) == sorted(zip(*(column.tolist() for column in columns), strict=True))


def test_context_holds_newbie_and_both_wallclocks(sequences: RatingSequences) -> None:
    s = sequences.user
    clock = wallclock_of(s.step, sequences.metadata, Side.USER)
    for (share,) in plan_batches(s, sequences.metadata, BUDGET).batches:
        for b, (first, length) in enumerate(zip(share.first_row, share.length, strict=True)):
            context = share.context[b]
            assert context[:, 0].tolist() == [1.0] + [0.0] * (len(context) - 1)
            np.testing.assert_allclose(context[:length, 1], clock[first : first + length], rtol=1e-6)
            np.testing.assert_allclose(context[1:length, 2], clock[first : first + length - 1], rtol=1e-6)
            assert not context[length:].any()


def test_batches_keep_to_the_budget_and_do_not_depend_on_replicas(sequences: RatingSequences) -> None:
    plans = [plan_batches(sequences.user, sequences.metadata, BUDGET, replicas) for replicas in (1, 2)]
    for one, two in zip(*(plan.batches for plan in plans), strict=True):
        assert set(one[0].entity) == {entity for share in two for entity in share.entity}
        assert one[0].total == two[0].total
        assert one[0].context.shape[0] * one[0].context.shape[1] <= BUDGET or len(one[0].entity) == 1


def test_padding_is_small(sequences: RatingSequences) -> None:
    plan = plan_batches(sequences.user, sequences.metadata, BUDGET)
    padded = sum(share.context.shape[0] * share.context.shape[1] for (share,) in plan.batches)
    assert sequences.user.training_rows.sum() / padded > 0.85


def test_a_batch_of_few_entities_leaves_shares_empty(sequences: RatingSequences) -> None:
    plan = plan_batches(sequences.user, sequences.metadata, 1, replicas=3)
    assert {tuple(len(share.entity) for share in shares) for shares in plan.batches} == {(1, 0, 0)}
    assert plan.num_ratings == (sequences.user.split == Split.TRAIN).sum()


@pytest.mark.parametrize("side", SIDES)
def test_batches_of_large_data_are_built_anew_and_equal(
    side: Side, sequences: RatingSequences, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = plan_batches(sequences.side(side), sequences.metadata, BUDGET, replicas=2)
    monkeypatch.setattr(batches, "_MOST_KEPT", 0)
    monkeypatch.setattr(batches, "_DENSE", 0)  # distinct entities by sorting instead of counting
    anew = plan_batches(sequences.side(side), sequences.metadata, BUDGET, replicas=2)
    assert kept.batches[0][0] is kept.batches[0][0]
    assert anew.batches[0][0] is not anew.batches[0][0]
    for one, other in zip(kept.shares(), anew.shares(), strict=True):
        for name, column in one._asdict().items():
            np.testing.assert_array_equal(column, getattr(other, name), err_msg=name)
            assert column.dtype == getattr(other, name).dtype, name


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_worker_is_given_the_shares_of_its_own_replicas(workers: int, sequences: RatingSequences) -> None:
    plan = plan_batches(sequences.user, sequences.metadata, BUDGET, replicas=4)
    each = 4 // workers
    for worker in range(workers):
        context = tf.distribute.InputContext(workers, worker, num_replicas_in_sync=4)
        given = [batch.entity.tolist() for batch in plan.dataset(context=context).as_numpy_iterator()]
        own = [shares[replica] for shares in plan.batches for replica in range(worker * each, (worker + 1) * each)]
        assert given == [share.entity.tolist() for share in own]
