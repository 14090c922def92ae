from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from rrn_tf.baselines.events.ngram import POOLED, USER, NGram
from rrn_tf.console.tables import print_event_leaderboard
from rrn_tf.data.event_scores import Positions
from rrn_tf.data.events import EventSequences
from rrn_tf.evaluation.event_leaderboard import (
    ENTROPY_BINS,
    EventScores,
    event_leaderboard,
    event_leaderboard_markdown,
    event_leaderboard_text,
    fit_and_score,
    score,
)
from rrn_tf.evaluation.event_metrics import training_entropy
from rrn_tf.evaluation.event_protocols import scored_positions
from rrn_tf.features import Split
from tests.events import uniform_events


class Oracle:
    """Knows every item; not a baseline, yet of the protocol."""

    name = "oracle"
    num_parameters = 0

    def log_probabilities(self, sequences: EventSequences, positions: Positions) -> np.ndarray:
        return np.log1p(-0.25 / sequences.user[positions]).astype(np.float32)

    def ranks(self, sequences: EventSequences, positions: Positions) -> np.ndarray:
        return np.ones(len(positions), np.float32)


@pytest.fixture(scope="module")
def sequences() -> EventSequences:
    return uniform_events(0)


@pytest.fixture(scope="module")
def positions(sequences: EventSequences) -> Positions:
    return scored_positions(sequences, Split.TEST)


@pytest.fixture(scope="module")
def scores(sequences: EventSequences, positions: Positions) -> dict[str, EventScores]:
    models = (NGram("uniform", ()), NGram("user 1-gram", (POOLED, USER)))
    fitted = {model.name: fit_and_score(model, sequences, positions) for model in models}
    return fitted | {"oracle": score(Oracle(), sequences, positions)}


def test_models_are_ordered_and_compared(
    sequences: EventSequences, positions: Positions, scores: dict[str, EventScores]
) -> None:
    rows = {row.model: row for row in event_leaderboard(sequences, positions, scores)}
    assert next(iter(rows)) == "oracle"
    uniform, oracle = rows["uniform"], rows["oracle"]
    assert (uniform.n, uniform.users) == (len(positions), sequences.num_users)
    assert uniform.nll == pytest.approx(np.log(7))
    assert uniform.standard_error == pytest.approx(0, abs=1e-7)
    assert uniform.difference is uniform.difference_standard_error is None
    # The middle of 7 ranks is 4.
    assert (uniform.hit, uniform.mrr) == (1.0, 0.25)
    assert oracle.difference == pytest.approx(oracle.nll - uniform.nll)
    assert oracle.difference_standard_error == pytest.approx(oracle.standard_error)
    assert (oracle.hit, oracle.mrr, oracle.ndcg, oracle.seconds) == (1, 1, 1, None)
    assert uniform.seconds is not None
    assert rows["user 1-gram"].parameters > 7
    assert json.loads(json.dumps(asdict(oracle)))["nll"] == oracle.nll


def test_thirds_of_the_users_by_entropy(
    sequences: EventSequences, positions: Positions, scores: dict[str, EventScores]
) -> None:
    oracle = next(row for row in event_leaderboard(sequences, positions, scores) if row.model == "oracle")
    order = np.argsort(training_entropy(sequences)[1:], kind="stable") + 1
    expected = [-np.log1p(-0.25 / order[at : at + 4]).mean() for at in (0, 4, 8)]
    np.testing.assert_allclose(oracle.nll_by_entropy, expected, rtol=1e-6)
    assert np.mean(oracle.nll_by_entropy) == pytest.approx(oracle.nll)


def test_the_reference_and_the_cutoff_of_ranks(
    sequences: EventSequences, positions: Positions, scores: dict[str, EventScores]
) -> None:
    rows = {row.model: row for row in event_leaderboard(sequences, positions, scores, reference="oracle", k=3)}
    assert rows["oracle"].difference is None
    assert rows["uniform"].difference == pytest.approx(rows["uniform"].nll - rows["oracle"].nll)
    assert (rows["uniform"].hit, rows["uniform"].ndcg) == (0, 0)


def test_what_cannot_be_compared_is_refused(
    sequences: EventSequences, positions: Positions, scores: dict[str, EventScores]
) -> None:
    with pytest.raises(ValueError, match="received none"):
        event_leaderboard(sequences, positions[:0], scores)
    with pytest.raises(ValueError, match="one of uniform, user 1-gram, oracle, received 'C-GRU'"):
        event_leaderboard(sequences, positions, scores, reference="C-GRU")
    short = replace(scores["oracle"], rank=np.ones(1, np.float32))
    with pytest.raises(ValueError, match="one shape"):
        event_leaderboard(sequences, positions, {"oracle": short})


def test_rendering(
    sequences: EventSequences,
    positions: Positions,
    scores: dict[str, EventScores],
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = event_leaderboard(sequences, positions, scores)
    text = event_leaderboard_text(rows).splitlines()
    assert text[0].startswith("model")
    assert all(heading in text[0] for heading in ("hit@10", "NDCG@10", *ENTROPY_BINS))
    assert event_leaderboard_markdown(rows).splitlines()[1].startswith("| --- | ---: |")
    print_event_leaderboard(rows)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert "…" not in printed
    assert printed.count("user 1-gram") == 2
    assert all(heading in printed for heading in ("NDCG@10", "high", "parameters"))


def test_scores_keep_the_most_probable_items(
    sequences: EventSequences, positions: Positions, scores: dict[str, EventScores]
) -> None:
    assert scores["oracle"].likeliest is None
    of = scores["user 1-gram"]
    assert of.likeliest is not None
    assert of.likeliest.item.shape == (len(positions), sequences.num_items)
    assert (np.sort(of.likeliest.item, axis=1) == np.arange(1, sequences.num_items + 1)).all()
    assert (np.diff(of.likeliest.log_probability, axis=1) <= 0).all()
    np.testing.assert_allclose(np.exp(of.likeliest.log_probability).sum(axis=1), 1, rtol=1e-5)
    own = of.likeliest.item == sequences.item[positions][:, np.newaxis]
    np.testing.assert_allclose(of.likeliest.log_probability[own], of.log_probability, rtol=1e-5)
