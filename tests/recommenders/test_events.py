"""The Collaborative RNN as a recommender: what it says is what the command line says of the same events."""

from __future__ import annotations

import gc
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from click.testing import CliRunner

from rrn_tf import CollaborativeRecommender, load
from rrn_tf.cli.kinds import config_of
from rrn_tf.cli.main import main
from rrn_tf.config import Config
from rrn_tf.evaluation.event_figures import Measures
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.recommenders import base, model_directory
from rrn_tf.serving.export_events import export_event_model
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from tests.recommended import TINY_EVENTS, early_and_late, event_frame
from tests.serving.conftest import trained_on_events

pytestmark = pytest.mark.usefixtures("models_load_once")

EARLY, LATE = early_and_late(event_frame())
LATER = "2024-02-01"


@pytest.fixture(scope="module")
def model(event_run: Path) -> CollaborativeRecommender:
    found = load(event_run)
    assert isinstance(found, CollaborativeRecommender)
    return found


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> CollaborativeRecommender:
    """The paper's network, of random weights and with user factors."""
    path = tmp_path_factory.mktemp("network")
    export_event_model(trained_on_events(stationary=2), path)
    found = load(path)
    assert isinstance(found, CollaborativeRecommender)
    return found


def test_checkpoints_tell_the_parts_of_the_mixture(event_run: Path) -> None:
    newest = tf.train.latest_checkpoint(event_run / "checkpoints" / "progress")
    told = tf.train.load_checkpoint(newest).get_tensor("progress/.ATTRIBUTES/py_state")
    assert json.loads(told)["parts"] == ["network", "copy", "following", "popularity", "uniform", "meeting"]


def rrn(*arguments: object) -> None:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output


def test_by_default_it_is_what_the_command_line_trains() -> None:
    assert CollaborativeRecommender().config == config_of("crnn", None, ())
    changed = CollaborativeRecommender("paper-brightkite", {"model.units": 6})
    assert changed.config == config_of("crnn", "paper-brightkite", ("model.units=6",))
    with pytest.raises(TypeError, match="expected a preset's name, a file or a CollaborativeConfig, found Config"):
        CollaborativeRecommender(Config())


@pytest.mark.slow
def test_the_command_line_trains_the_same_model(
    model: CollaborativeRecommender, event_run: Path, tmp_path: Path
) -> None:
    EARLY.to_csv(tmp_path / "events.csv", index=False)
    settings = [f"--set={name}={value}" for name, value in TINY_EVENTS.items()]
    rrn("train", "--model", "crnn", "--data", tmp_path / "events.csv", "--output", tmp_path / "run", *settings)
    ours, theirs = (json.loads((root / "metrics.json").read_text()) for root in (event_run, tmp_path / "run"))
    for figure in ("valid", "test", "events", "rejected", "dropped", "best_epoch"):
        assert ours[figure] == theirs[figure]
    saved = SavedCollaborativeRNN(tmp_path / "run")
    np.testing.assert_array_equal(model.saved.states, saved.states)
    users = np.array(saved.user_ids, object)
    for found, expected in zip(model.saved.next_items_of(users, 9), saved.next_items_of(users, 9), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_next_items_of_many_users_are_those_of_each(
    model: CollaborativeRecommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rrn_tf.serving.recommend_users._USERS", 2)
    users = [3, 1, 999, 2, 3]
    found = model.recommend(users, k=4)
    assert found.user_id.tolist() == [str(user) for user in users for _ in range(4)]
    assert found["rank"].tolist() == [1, 2, 3, 4] * len(users)
    told = [item for user in users for item in model.saved.next_items(str(user), [], 4)]
    assert found.item_id.tolist() == [name for name, _ in told]
    np.testing.assert_allclose(found.score, np.exp([value for _, value in told]), rtol=1e-5)
    at = model.recommend([1], at=LATER, k=9)
    assert at.score.sum() == pytest.approx(1, rel=1e-5)
    expected = model.saved.next_items("1", [], 9, timestamp=1_706_745_600, history_timestamp=[])
    assert at.item_id.tolist() == [name for name, _ in expected]
    assert not len(model.recommend([]))


@pytest.mark.parametrize("exclude", [(), (4, 7)])
def test_probabilities_are_among_what_is_left(model: CollaborativeRecommender, exclude: tuple[int, ...]) -> None:
    whole = model.recommend([1, 999], k=9)
    among = [2, 4, 5, 8]
    found = model.recommend([1, 999], k=3, candidates=[*among, "no item"], exclude=exclude)
    left = {str(item) for item in among if item not in exclude}
    expected = whole[whole.item_id.isin(left)]
    expected = expected.assign(score=expected.score / expected.groupby("user_id").score.transform("sum"))
    expected = expected.groupby("user_id", sort=False).head(3).drop(columns="rank").reset_index(drop=True)
    pd.testing.assert_frame_equal(found.drop(columns="rank"), expected, rtol=1e-4)
    without = model.recommend([1, 999], k=9, exclude=exclude)
    assert set(without.item_id) == set(whole.item_id) - {str(item) for item in exclude}
    assert without.groupby("user_id").score.sum().to_numpy() == pytest.approx(1, rel=1e-5)


def test_new_items_alone_have_no_empty_lines(model: CollaborativeRecommender) -> None:
    held = model.saved.training_events()
    user, held_out = list(held.user_ids).index("1") + 1, model.saved.held_out_events()
    later = held_out.items[held_out.splits[user] : held_out.splits[user + 1]]
    met = set(held.item_ids[np.concatenate([held.item[held.user == user], later]) - 1])
    found = model.recommend([1, 999], k=9, new_only=True)
    assert found[found.user_id == "999"].item_id.nunique() == 9
    of_user = found[found.user_id == "1"].item_id
    assert set(of_user) == set(held.item_ids) - met
    assert (found.item_id != "").all()


def test_states_move_with_events_and_stand_in_the_softmax(network: CollaborativeRecommender) -> None:
    users, items = network.states(users=network.saved.user_ids), network.states(items=network.saved.item_ids)
    logits = users.to_numpy() @ items.to_numpy().T
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for user, row in zip(users.index, probability, strict=True):
        found = network.recommend([user], k=6).set_index("item_id").score
        np.testing.assert_allclose(found[items.index].to_numpy(), row, rtol=1e-4)
    assert [name.split("_")[0] for name in users] == ["state"] * 4 + ["factor"] * 2
    assert (network.states(users=["nobody"]) == 0).to_numpy().all()
    with pytest.raises(ValueError, match="at: expected None, since states of events do not move with time"):
        network.states(users=["user 1"], at=LATER)
    with pytest.raises(ValueError, match="expected no timestamps, found some: this model uses the order"):
        network.recommend(["user 1"], at=LATER)


def test_states_of_a_mixture_are_the_saved_ones(model: CollaborativeRecommender) -> None:
    users = model.states(users=[3, "nobody", 1])
    row = [list(model.saved.user_ids).index(user) + 1 for user in ("3", "1")]
    np.testing.assert_array_equal(users.filter(like="state_").iloc[[0, 2]], model.saved.states[row])
    assert (users.loc["nobody"] == 0).all()
    assert model.states(items=range(9)).shape == (9, users.shape[1])
    assert isinstance(model.model, CollaborativeMixture)


def test_figures_are_those_of_the_command_line(model: CollaborativeRecommender, tmp_path: Path) -> None:
    mixed = pd.concat([EARLY[:4], LATE])
    mixed.to_csv(tmp_path / "later.csv", index=False)
    rrn("evaluate", "--model", model.path, "--data", tmp_path / "later.csv", "--protocol", "interleaved",
        "--metrics", "nll,hit", "-k", 2, "--json", tmp_path / "e.json")  # fmt: skip
    told = json.loads((tmp_path / "e.json").read_text())
    found = model.evaluate(mixed, protocol="interleaved", measures=Measures(("nll", "hit"), (2,)))
    assert {**found.metrics, "slices": found.slices}.items() <= told.items()
    assert found.messages == ["data frame: 4 events that the model was trained on are left out"]
    with pytest.raises(ValueError, match="protocol: expected clean or interleaved, found 'frozen'"):
        model.evaluate(mixed, protocol="frozen")
    with pytest.raises(ValueError, match="data frame: expected events that the model was not trained on, found none"):
        model.evaluate(EARLY[:4])


@pytest.mark.slow
def test_an_update_takes_new_events_in(event_run: Path, tmp_path: Path) -> None:
    model = load(event_run)
    held = len(model.saved.training_events().item)
    found = model.update(LATE, output=tmp_path / "updated")
    assert found["events"] == len(LATE)
    assert len(model.saved.training_events().item) == held + len(LATE)
    pd.testing.assert_frame_equal(load(tmp_path / "updated").recommend([1, 2]), model.recommend([1, 2]))
    assert model.metrics == load(event_run).metrics


def test_there_is_no_rating_to_predict(model: CollaborativeRecommender) -> None:
    assert not hasattr(model, "predict")
    assert model.metrics["test"]["clean"]["n"] > 0


def test_saved_and_loaded_it_says_the_same(model: CollaborativeRecommender, tmp_path: Path) -> None:
    again = load(model.save(tmp_path / "saved"))
    assert isinstance(again, CollaborativeRecommender)
    users = event_frame().user_id.unique()
    pd.testing.assert_frame_equal(again.recommend(users), model.recommend(users), check_exact=True)


def test_a_temporary_directory_lasts_as_long_as_its_recommender(
    model: CollaborativeRecommender, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = iter([tmp_path / "first", tmp_path / "second"])

    def directory(prefix: str) -> str:
        path = next(made)
        path.mkdir()
        return str(path)

    monkeypatch.setattr(model_directory.tempfile, "mkdtemp", directory)
    trained = model.path / "model"
    monkeypatch.setattr(
        base, "train_run", lambda pattern, root, *_, **options: shutil.copytree(trained, root / "model")
    )
    fresh = CollaborativeRecommender().fit(event_frame())
    assert fresh.path == tmp_path / "first"
    fresh.fit(event_frame())
    assert not (tmp_path / "first").exists()
    assert (tmp_path / "second" / "data" / "events.parquet").exists()
    del fresh
    gc.collect()
    assert not (tmp_path / "second").exists()


def test_similar_items_are_those_of_a_loop_over_states(
    model: CollaborativeRecommender, network: CollaborativeRecommender
) -> None:
    for recommender in (model, network):
        catalogue = recommender.item_ids
        vectors = recommender.states(items=catalogue).to_numpy(np.float64)
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        found = recommender.similar(catalogue[2], k=3)
        cosine = sorted(((float(unit[2] @ unit[o]), o) for o in range(len(catalogue)) if o != 2), reverse=True)[:3]
        assert found.similar_item_id.tolist() == [catalogue[other] for _, other in cosine]
        np.testing.assert_allclose(found.similarity, [value for value, _ in cosine], atol=1e-5)
        with pytest.raises(ValueError, match="at: expected None, since states of events do not move with time"):
            recommender.similar(catalogue[2], at=LATER)


def test_events_of_a_history_that_the_model_holds_count_once(model: CollaborativeRecommender) -> None:
    events = model.saved.training_events()
    of_3 = events.user == 1 + list(events.user_ids).index("3")
    columns = {"user_id": "3", "item_id": events.item_ids[events.item[of_3] - 1], "timestamp": events.timestamp[of_3]}
    stored = pd.DataFrame(columns)
    plain, told = model.recommend(3), model.recommend(3, history=stored)
    pd.testing.assert_frame_equal(plain, told)
    later = model.recommend(3, history=LATE[LATE.user_id == 3])
    assert (later.score.to_numpy() != plain.score.to_numpy()).any()


def test_lists_of_several_lengths(model: CollaborativeRecommender) -> None:
    found, same = model.evaluate(LATE, top_k=[2, 5]), model.evaluate(LATE, measures=Measures(ks=(2, 5)))
    assert found.metrics == same.metrics
    with pytest.raises(ValueError, match="top_k: expected one of top_k and measures, found both"):
        model.evaluate(LATE, top_k=2, measures=Measures())
