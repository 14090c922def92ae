"""RRN as a recommender: what it says is what the command line says of the same ratings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from rrn_tf import RRNRecommender, load
from rrn_tf.cli.kinds import config_of
from rrn_tf.cli.main import main
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import Config, ConfigError, load_config
from rrn_tf.data_format import DataFormat
from rrn_tf.features import Side
from rrn_tf.models.rrn import RRN
from rrn_tf.serving.saved_facts import keep_max_bad_share, max_bad_share_of
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.streaming import predict_streaming
from tests.recommended import TINY, early_and_late, rating_frame

pytestmark = pytest.mark.usefixtures("models_load_once")

EARLY, LATE = early_and_late(rating_frame())
MONTH_LATER = int(LATE.timestamp.max()) + 30 * 86_400


@pytest.fixture(scope="module")
def model(rating_run: Path) -> RRNRecommender:
    found = load(rating_run)
    assert isinstance(found, RRNRecommender)
    return found


def rrn(*arguments: object) -> None:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output


def text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({"user_id": str, "item_id": str})


def test_by_default_it_is_what_the_command_line_trains() -> None:
    assert RRNRecommender().config == config_of("rrn", None, ())
    changed = RRNRecommender(
        config="paper-netflix", overrides={"training.epochs": 3, "data.split.cutoff": "2005-12-01"}
    )
    settings = ("training.epochs=3", "data.split.cutoff=2005-12-01")
    assert changed.config == config_of("rrn", "paper-netflix", settings)
    assert RRNRecommender(Config(), {"model.units": 4}).config == load_config(None, ["model.units=4"])


@pytest.mark.slow
def test_the_command_line_trains_the_same_model(model: RRNRecommender, rating_run: Path, tmp_path: Path) -> None:
    EARLY.to_csv(tmp_path / "ratings.csv", index=False)
    settings = [f"--set={name}={value}" for name, value in TINY.items()]
    rrn("train", "--data", tmp_path / "ratings.csv", "--output", tmp_path / "run", *settings)
    ours, theirs = (json.loads((root / "metrics.json").read_text()) for root in (rating_run, tmp_path / "run"))
    for figure in ("valid", "test", "parts", "ratings", "rejected", "best_epoch"):
        assert ours.get(figure) == theirs.get(figure)
    left_out = {"data"}  # the frame as a file
    assert {path.name for path in rating_run.iterdir()} - left_out == {p.name for p in (tmp_path / "run").iterdir()}
    asked = text(LATE).user_id, text(LATE).item_id, LATE.timestamp
    np.testing.assert_array_equal(model.saved.predict(*asked), SavedRRN(tmp_path / "run").predict(*asked))


def test_predictions_are_the_saved_models_whatever_the_frame_is_like(model: RRNRecommender) -> None:
    expected = model.saved.predict(text(LATE).user_id, text(LATE).item_id, LATE.timestamp)
    odd = LATE.iloc[::-1].assign(note="kept", prediction=0.0).set_axis(["same"] * len(LATE))
    found = model.predict(odd)
    assert found.columns.tolist() == [*LATE.columns, "note", "prediction"]
    assert (found.index == "same").all()
    np.testing.assert_array_equal(found.prediction, expected[::-1])
    assert (odd.prediction == 0).all(), "the frame that was given stays as it was"
    moments = text(LATE).assign(timestamp=pd.to_datetime(LATE.timestamp, unit="s"))
    np.testing.assert_array_equal(model.predict(moments).prediction, expected)


def test_files_are_read_as_said_and_may_have_the_bad_rows_of_training(
    model: RRNRecommender, rating_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(rating_run / "model", tmp_path / "run" / "model")
    keep_max_bad_share(tmp_path / "run" / "model", 0.5)
    later = LATE[LATE.timestamp >= model.saved.cutoff][:10]
    bad = later[:4].assign(rating="none")
    names = {"user_id": "who", "item_id": "what", "rating": "stars", "timestamp": "when"}
    own = pd.concat([later, bad])
    own.assign(timestamp=own.timestamp * 1000).rename(columns=names).to_csv(tmp_path / "own.csv", index=False, sep=";")
    file, said = str(tmp_path / "own.csv"), {"columns": names, "time": "ms"}
    lenient = load(tmp_path / "run")
    assert isinstance(lenient, RRNRecommender)
    evaluated = lenient.evaluate(file, data_format=DataFormat(**said))
    assert evaluated.metrics == lenient.evaluate(later).metrics
    with pytest.raises(ValueError, match=r"4 of 14 rows \(28.6 %\) rejected, at most 1 % .*raise --max-bad-share"):
        model.update(file, data_format=said)
    updated = lenient.update(file, output=tmp_path / "next", data_format=said)
    assert (updated["ratings"], updated["rejected"]) == (10, {"rating_not_a_number": 4})
    assert max_bad_share_of(tmp_path / "next") == 0.5
    with pytest.raises(ValueError, match="data_format: expected a file to read by it, found a DataFrame"):
        lenient.update(later, data_format=said)


def test_an_empty_frame_has_no_predictions(model: RRNRecommender) -> None:
    found = model.predict(LATE.iloc[:0])
    assert found.columns.tolist() == [*LATE.columns, "prediction"]
    assert not len(found)


@pytest.mark.slow
def test_streaming_predictions_are_those_of_the_protocol(model: RRNRecommender) -> None:
    later = LATE[LATE.timestamp >= model.saved.cutoff]
    columns = {name: text(later)[name].to_numpy() for name in later}
    found = model.predict(later, protocol="streaming")
    np.testing.assert_array_equal(found.prediction, predict_streaming(model.saved, **columns))
    assert (found.prediction != model.predict(later).prediction).any()
    with pytest.raises(ValueError, match="expected the columns user_id, item_id, rating, timestamp"):
        model.predict(later.drop(columns="rating"), protocol="streaming")
    with pytest.raises(ValueError, match="protocol: expected frozen or streaming, found 'clean'"):
        model.predict(later, protocol="clean")


def test_many_users_are_recommended_what_each_is(model: RRNRecommender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rrn_tf.serving.recommend_users._USERS", 2)
    users = [3, 1, 2, 3, 999]
    found = model.recommend(users, at=MONTH_LATER, k=4)
    assert found.columns.tolist() == ["user_id", "rank", "item_id", "score"]
    assert found.user_id.tolist() == [str(user) for user in users for _ in range(4)]
    assert found["rank"].tolist() == [1, 2, 3, 4] * len(users)
    told = [item for user in users for item in model.saved.recommend(str(user), MONTH_LATER, 4)]
    assert found.item_id.tolist() == [name for name, _ in told]
    np.testing.assert_allclose(found.score, [score for _, score in told], rtol=1e-6)
    by_default, as_of = model.recommend(1, k=3), model.recommend(["1"], at=model.saved.until, k=3)
    pd.testing.assert_frame_equal(by_default, as_of)


def test_a_time_for_each_user_is_that_users(model: RRNRecommender) -> None:
    times = [MONTH_LATER, model.saved.until]
    both = model.recommend([1, 1], at=times, k=2)
    each = [model.recommend(1, at=time, k=2) for time in times]
    pd.testing.assert_frame_equal(both, pd.concat(each, ignore_index=True))


def test_candidates_and_items_left_out(model: RRNRecommender) -> None:
    whole = model.recommend([1, 999], k=100)
    seen = set(EARLY[(EARLY.user_id == 1) & (EARLY.timestamp < model.saved.cutoff)].item_id.astype(str))
    assert seen
    assert not seen & set(whole[whole.user_id == "1"].item_id)
    out, among = list(whole.item_id[:2]), list(whole.item_id[1:5])
    left = whole[~whole.item_id.isin(out)].drop(columns="rank").reset_index(drop=True)
    without = model.recommend([1, 999], k=100, exclude=out).drop(columns="rank")
    pd.testing.assert_frame_equal(without, left, rtol=1e-5)
    for exclude in ((), out):
        expected = whole[whole.item_id.isin(among) & ~whole.item_id.isin(exclude)].drop(columns="rank")
        found = model.recommend([1, 999], k=100, candidates=[*among, "no item"], exclude=exclude)
        pd.testing.assert_frame_equal(found.drop(columns="rank"), expected.reset_index(drop=True), rtol=1e-5)
    assert not len(model.recommend([1, 999], candidates=[]))


def test_nobody_is_recommended_nothing(model: RRNRecommender) -> None:
    found = model.recommend([])
    assert found.columns.tolist() == ["user_id", "rank", "item_id", "score"]
    assert not len(found)


def test_inner_products_of_states_are_predictions(model: RRNRecommender) -> None:
    asked = pd.concat([LATE, LATE[:2].assign(user_id="nobody", timestamp=MONTH_LATER)], ignore_index=True)
    users = model.states(users=asked.user_id, at=asked.timestamp)
    items = model.states(items=asked.item_id, at=asked.timestamp)
    assert (users.index.name, items.index.name) == ("user_id", "item_id")
    assert users.index.tolist() == asked.user_id.astype(str).tolist()
    low, high = model.saved.metadata.rating_min, model.saved.metadata.rating_max
    rating = np.clip((users.to_numpy() * items.to_numpy()).sum(axis=1), low, high)
    np.testing.assert_allclose(rating, model.predict(asked).prediction, rtol=1e-5)


def test_states_move_and_factors_stay(model: RRNRecommender) -> None:
    now, later = (model.states(items=[1, 2], at=time) for time in (model.saved.until, MONTH_LATER))
    assert (now.filter(like="state_") != later.filter(like="state_")).to_numpy().all()
    pd.testing.assert_frame_equal(now.filter(like="factor_"), later.filter(like="factor_"))
    pd.testing.assert_frame_equal(model.states(items=[1, 2]), now)
    with pytest.raises(ValueError, match="expected one of users and items, found none"):
        model.states()
    with pytest.raises(ValueError, match="expected one of users and items, found both"):
        model.states([1], [2])


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["frozen", "streaming"])
def test_figures_are_those_of_the_command_line(model: RRNRecommender, protocol: str, tmp_path: Path) -> None:
    mixed = pd.concat([EARLY[:3], LATE], ignore_index=True)
    mixed.to_csv(tmp_path / "later.csv", index=False)
    rrn("evaluate", "--model", model.path, "--data", tmp_path / "later.csv", "--protocol", protocol,
        "--json", tmp_path / "e.json")  # fmt: skip
    told = json.loads((tmp_path / "e.json").read_text())
    found = model.evaluate(mixed, protocol=protocol)
    assert {**found.metrics, "slices": found.slices}.items() <= told.items()
    of_file = model.evaluate(tmp_path / "later.csv", protocol=protocol)
    assert of_file.metrics == found.metrics
    (message,) = found.messages
    assert message.startswith("data frame: ")
    assert message.replace("data frame", str(tmp_path / "later.csv")) in of_file.messages


def test_what_training_found_and_the_network_are_there(model: RRNRecommender, rating_run: Path) -> None:
    assert model.metrics == json.loads((rating_run / "metrics.json").read_text())
    assert isinstance(model.model, RRN)
    assert model.model.settings["num_users"] == len(model.saved.ids(Side.USER))
    assert model.config == load_config(rating_run / "config.yaml")
    assert repr(model) == f"<RRNRecommender: model in {rating_run}>"


@pytest.mark.slow
def test_an_update_is_that_of_the_command_line(rating_run: Path, tmp_path: Path) -> None:
    model = load(rating_run)
    before = model.predict(LATE)
    LATE.to_csv(tmp_path / "later.csv", index=False)
    rrn("update", "--model", rating_run, "--data", tmp_path / "later.csv", "--output", tmp_path / "updated",
        "--json", tmp_path / "u.json")  # fmt: skip
    told, found = json.loads((tmp_path / "u.json").read_text()), model.update(LATE)
    for figure in ("ratings", "duplicates", "late", "before_cutoff", "new_users", "new_items", "rmse", "rejected"):
        assert found[figure] == told[figure]
    after = load(tmp_path / "updated").predict(LATE)
    pd.testing.assert_frame_equal(model.predict(LATE), after, check_exact=True)
    assert (before.prediction != after.prediction).any()
    pd.testing.assert_frame_equal(load(rating_run).predict(LATE), before, check_exact=True)
    assert model.metrics == load(rating_run).metrics
    present, doubtful = model.saved.until, LATE.iloc[:1].assign(rating=50, timestamp=4_102_444_800)
    with pytest.warns(UserWarning, match="in the future|scale of training") as doubts:
        again = model.update(pd.concat([LATE, doubtful]), output=tmp_path / "again")
    assert set(again["warnings"]) <= {str(doubt.message) for doubt in doubts}
    assert (again["ratings"], again["duplicates"], again["in_future"]) == (1, found["ratings"], 1)
    assert len(again["warnings"]) == 2
    assert model.saved.until == present
    assert model.path == tmp_path / "again"


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ({"config": "nothing"}, ConfigError, "nothing: no such configuration file or preset"),
        ({"config": CollaborativeConfig()}, TypeError, "expected a preset's name, a file or a Config, found Collab"),
        ({"overrides": {"training.epochs": "some"}}, ConfigError, "training.epochs: .* found 'some'"),
        ({"overrides": {"training.planets": 9}}, ConfigError, "training.planets"),
    ],
)
def test_bad_settings_are_told_at_once(arguments: dict[str, Any], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        RRNRecommender(**arguments)


def test_what_is_not_fitted_says_so() -> None:
    for ask in (lambda m: m.predict(LATE), lambda m: m.recommend([1]), lambda m: m.metrics, lambda m: m.save("x")):
        with pytest.raises(
            ValueError, match=r"expected a fitted RRNRecommender, found none: call fit, or rrn_tf\.load"
        ):
            ask(RRNRecommender())
    assert repr(RRNRecommender()) == "<RRNRecommender: not fitted>"


def test_bad_data_are_told_in_one_line(model: RRNRecommender, tmp_path: Path) -> None:
    fresh = RRNRecommender()
    with pytest.raises(ValueError, match=r"nowhere\.csv: expected .* found no such file"):
        fresh.fit("nowhere.csv", output=tmp_path)
    with pytest.raises(ValueError, match="expected ratings, found a data frame without rows"):
        fresh.fit(EARLY.iloc[:0], output=tmp_path)
    with pytest.raises(TypeError, match=r"expected a data frame with the columns user_id, .* found list"):
        fresh.fit([1, 2], output=tmp_path)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"expected the columns .*, found .* \(no rating\)"):
        model.update(LATE.drop(columns="rating"))
    with pytest.raises(ValueError, match="k: expected a whole number of at least 1, found 0"):
        model.recommend([1], k=0)
    with pytest.raises(TypeError, match="user_id: expected one id or a list of them, found DataFrame"):
        model.recommend(LATE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at: expected one time, or 2 of them, found 1"):
        model.recommend([1, 2], at=[5])


@pytest.mark.slow
def test_saved_and_loaded_it_says_the_same(model: RRNRecommender, tmp_path: Path) -> None:
    assert model.save(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    again = load(tmp_path / "a" / "b")
    assert isinstance(again, RRNRecommender)
    pd.testing.assert_frame_equal(again.predict(LATE), model.predict(LATE), check_exact=True)
    assert (again.metrics, again.config) == (model.metrics, model.config)
    again.save(again.path)
    pd.testing.assert_frame_equal(load(again.path).predict(LATE), model.predict(LATE), check_exact=True)
    bare = load(again.path / "model")
    assert bare.metrics == {}


def test_similar_items_are_those_of_a_loop_over_states(model: RRNRecommender) -> None:
    catalogue = model.item_ids
    states = model.states(items=catalogue, at=MONTH_LATER).to_numpy(np.float64)
    network, factors, _ = model.model.part_weights.resting
    weighed = np.concatenate([network * states[:, :-4], factors * states[:, -4:-2]], axis=1)
    unit = weighed / np.linalg.norm(weighed, axis=1, keepdims=True)
    found = model.similar([2, 1], at=MONTH_LATER, k=3)
    assert found.columns.tolist() == ["item_id", "rank", "similar_item_id", "similarity"]
    assert found.item_id.tolist() == ["2"] * 3 + ["1"] * 3
    assert found["rank"].tolist() == [1, 2, 3] * 2
    for item in ("1", "2"):
        place = list(catalogue).index(item)
        cosine = sorted(((float(unit[place] @ unit[o]), o) for o in range(len(catalogue)) if o != place), reverse=True)
        mine = found[found.item_id == item]
        assert mine.similar_item_id.tolist() == [catalogue[other] for _, other in cosine[:3]]
        np.testing.assert_allclose(mine.similarity, [value for value, _ in cosine[:3]], atol=1e-5)
    every = model.similar(at=MONTH_LATER, k=100)
    assert len(every) == len(catalogue) * (len(catalogue) - 1)
    pd.testing.assert_frame_equal(every[(every.item_id == "2") & (every["rank"] < 4)].reset_index(drop=True), found[:3])
    with pytest.raises(ValueError, match="items: expected items that the model knows, found 'no item'"):
        model.similar([1, "no item"])
    with pytest.raises(ValueError, match="k: expected a whole number of at least 1, found 0"):
        model.similar(1, k=0)


@pytest.mark.slow
def test_a_history_comes_as_a_frame_or_as_a_file(model: RRNRecommender, tmp_path: Path) -> None:
    history = LATE[:6].assign(user_id="new")
    history.to_csv(tmp_path / "h.csv", index=False)
    found = model.recommend(["new", 1], history=history, k=100)
    pd.testing.assert_frame_equal(found, model.recommend(["new", 1], history=str(tmp_path / "h.csv"), k=100))
    of_new, plain = found[found.user_id == "new"], model.recommend("new", k=100)
    assert set(of_new.item_id) == set(plain.item_id) - set(history.item_id.astype(str))
    pd.testing.assert_frame_equal(
        found[found.user_id == "1"].reset_index(drop=True), model.recommend(1, k=100), rtol=1e-5
    )
    with pytest.raises(ValueError, match="expected the columns user_id, item_id, rating, timestamp"):
        model.recommend("new", history=history.drop(columns="rating"))


@pytest.mark.parametrize("protocol", ["frozen", pytest.param("streaming", marks=pytest.mark.slow)])
def test_lists_are_scored_in_python_as_by_the_command(model: RRNRecommender, protocol: str, tmp_path: Path) -> None:
    LATE.to_csv(tmp_path / "later.csv", index=False)
    rrn("evaluate", "--model", model.path, "--data", tmp_path / "later.csv", "--protocol", protocol, "--top-k", 10,
        "-k", 3, "--relevant-from", 3, "--json", tmp_path / "e.json")  # fmt: skip
    told = json.loads((tmp_path / "e.json").read_text())
    found = model.evaluate(LATE, protocol=protocol, top_k=[10, 3], relevant_from=3)
    assert {**found.metrics, "slices": found.slices}.items() <= told.items()
    figures, plain = found.metrics["test"][protocol], model.evaluate(LATE, protocol=protocol).metrics["test"][protocol]
    assert plain.items() <= figures.items()
    for name in ("hit@10", "recall@10", "ndcg@10", "hit@3", "recall@3", "ndcg@3", "mrr"):
        assert 0 <= figures[name] <= 1
        assert figures[f"{name}_standard_error"] >= 0
    assert figures["relevant_from"] == 3
    assert figures["hit@3"] <= figures["hit@10"]


def test_what_cannot_be_ranked_is_told(model: RRNRecommender) -> None:
    found = model.evaluate(LATE, top_k=5, relevant_from=1_000)
    assert found.messages == ["data frame: no rating from 1000 on is left to be ranked"]
    assert "mrr" not in found.metrics["test"]["frozen"]
    with pytest.raises(ValueError, match="top_k: expected whole numbers of at least 1, found 0"):
        model.evaluate(LATE, top_k=[5, 0])
