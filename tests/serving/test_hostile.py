"""Whatever a request holds, there is a documented answer or one clear error (docs/serving.md), and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rrn_tf.features import Side
from rrn_tf.serving.warmup import example
from tests.serving.conftest import SavedEvents, compiled, loaded

LOWEST, HIGHEST = -(2**63), 2**63 - 1
NOBODY = "nobody at all"
Answer = dict[str, np.ndarray]


class Model:
    """A saved model's signatures, by lists; every row of a request has lists of its own as long as the longest."""

    def __init__(self, path: Path) -> None:
        self.signatures = loaded(path).signatures

    def ask(self, signature: str, **inputs: Any) -> Answer:
        function = self.signatures[signature]
        specs = function.structured_input_signature[1]
        tensors = {name: tf.constant(array(inputs[name], spec)) for name, spec in specs.items()}
        return {name: values.numpy() for name, values in function(**tensors).items()}


def array(values: Any, spec: tf.TensorSpec) -> np.ndarray:
    """Values of a signature's type; ragged rows are padded, at random where that should not matter."""
    kind = object if spec.dtype == tf.string else spec.dtype.as_numpy_dtype
    if spec.shape.rank < 2:
        return np.array(values, kind)
    padding = {"string": b"", "float32": np.nan, "int64": LOWEST}[spec.dtype.name]
    rows = np.full((len(values), max(map(len, values), default=0)), padding, kind)
    for row, own in zip(rows, values, strict=True):
        row[: len(own)] = own
    return rows


class RatingModel(Model):
    """An RRN, and what is known of its users and items."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        saved = compiled(path)
        known = saved.load_model()
        self.users, self.items = ([name.encode() for name in saved.ids(side)] for side in (Side.USER, Side.ITEM))
        self.low, self.high = saved.metadata.rating_min, saved.metadata.rating_max
        rated = np.split(known.rated.items, known.rated.splits[1:-1])
        self.seen = {name: {self.items[n - 1] for n in rated[k + 1]} for k, name in enumerate(self.users)}
        # Of validation and test, whose users may be strangers.
        held_out = known.held_out
        for name, places in zip(held_out.user_ids, np.split(held_out.items, held_out.splits[1:-1]), strict=True):
            self.seen.setdefault(name.encode(), set()).update(item.encode() for item in held_out.item_ids[places])


@pytest.fixture(scope="module", params=[pytest.param("saved", marks=pytest.mark.slow), "saved_default"])
def rrn(request: pytest.FixtureRequest) -> RatingModel:
    return RatingModel(request.getfixturevalue(request.param).path)


@pytest.fixture(scope="module")
def crnn(saved_events: SavedEvents) -> Model:
    return Model(saved_events.path)


usual = st.integers(1, 60).flatmap(
    lambda n: st.sampled_from([f"u{n}".encode(), f"i{n}".encode(), f"user {n}".encode()])
)
users = items = st.one_of(
    usual, usual, st.binary(max_size=9), st.sampled_from([b"", b"\x00", b"\xff\xfe", b"u1 ", b"U1", b"x" * 100_000])
)
times = st.one_of(st.integers(1_000_000_000, 2_000_000_000), st.integers(LOWEST, HIGHEST), st.sampled_from([0, -1]))
ratings = st.one_of(st.sampled_from([1.0, 3.0, 5.0]), st.floats(width=32))
amounts = st.one_of(st.integers(-2, 40), st.sampled_from([-(2**31), 2**31 - 1]))
pair = {"user_id": users, "item_id": items, "timestamp": times}
whose = {"user_id": users, "timestamp": times}
past = st.lists(st.tuples(items, ratings, times), max_size=5)


def rows(**columns: st.SearchStrategy) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.fixed_dictionaries(columns), max_size=5)


def columns(given_rows: list[dict[str, Any]], *names: str) -> dict[str, list[Any]]:
    return {name: [row[name] for row in given_rows] for name in names}


def histories(given_rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    parts = [list(zip(*row["past"], strict=True)) or [(), (), ()] for row in given_rows]
    names = ("history_item_id", "history_rating", "history_timestamp")
    return {name: [part[k] for part in parts] for k, name in enumerate(names)}


def each_alone(ask: Callable[[list[dict[str, Any]]], Answer], given_rows: list[dict[str, Any]]) -> Answer:
    """The answer to a request, which is that to each of its rows alone, and in whatever order they come."""
    answer, backwards = ask(given_rows), ask(given_rows[::-1])
    alone = [ask([row]) for row in given_rows]
    for name, values in answer.items():
        assert len(values) == len(given_rows)
        same(values, backwards[name][::-1])
        for number, single in enumerate(alone):
            same(values[number, ...], single[name][0])
    return answer


def same(left: np.ndarray, right: np.ndarray) -> None:
    if left.dtype == object:
        np.testing.assert_array_equal(left, right)
    else:
        np.testing.assert_allclose(left, right, rtol=1e-3, atol=1e-3)


def check_ratings(model: RatingModel, rating: np.ndarray) -> None:
    assert np.isfinite(rating).all()
    assert ((rating >= model.low) & (rating <= model.high)).all()


def as_stranger(model: RatingModel, row: dict[str, Any]) -> dict[str, Any]:
    return row if row["user_id"] in model.users else {**row, "user_id": NOBODY}


def predict(model: RatingModel, given_rows: list[dict[str, Any]]) -> None:
    def ask(part: list[dict[str, Any]]) -> Answer:
        return model.ask("predict", **columns(part, *pair))

    found = each_alone(ask, given_rows)["rating"]
    check_ratings(model, found)
    same(found, ask([as_stranger(model, row) for row in given_rows])["rating"])


def predict_examples(model: RatingModel, given_rows: list[dict[str, Any]]) -> None:
    def ask(part: list[dict[str, Any]]) -> Answer:
        return model.ask("serving_default", examples=[serialized(row) for row in part])

    same(each_alone(ask, given_rows)["rating"], model.ask("predict", **columns(given_rows, *pair))["rating"])


def serialized(row: dict[str, Any]) -> bytes:
    features = {
        name: tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        if isinstance(value, int)
        else tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for name, value in row.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def predict_from_history(model: RatingModel, given_rows: list[dict[str, Any]]) -> None:
    def ask(part: list[dict[str, Any]]) -> Answer:
        return model.ask("predict_from_history", **columns(part, *pair), **histories(part))

    found = each_alone(ask, given_rows)["rating"]
    check_ratings(model, found)
    # In whatever order a history comes, and whatever pads it.
    other = [{**row, "past": [*row["past"][::-1], (b"", 5.0, 0)]} for row in given_rows]
    same(found, ask([as_stranger(model, row) for row in other])["rating"])


def check_items(model: RatingModel, given_rows: list[dict[str, Any]], answer: Answer) -> None:
    for row, names, scores in zip(given_rows, answer["item_id"], answer["score"], strict=True):
        left = [name for name in names if name]
        assert [bool(name) for name in names] == np.isfinite(scores).tolist()
        assert len(set(left)) == len(left)
        assert set(left) <= set(model.items) - model.seen.get(row["user_id"], set())
        assert (scores[:-1] >= scores[1:]).all()


def recommend(model: RatingModel, drawn: tuple[list[dict[str, Any]], int]) -> None:
    given_rows, k = drawn

    def ask(part: list[dict[str, Any]]) -> Answer:
        return model.ask("recommend", **columns(part, *whose), k=k)

    answer = ask(given_rows)
    assert answer["item_id"].shape == (len(given_rows), min(max(k, 0), len(model.items)))
    check_items(model, given_rows, answer)
    # Names of items that score alike may change places; scores may not.
    each_alone(lambda part: {"score": ask(part)["score"]}, given_rows)
    strangers = [row if row["user_id"] in model.seen else as_stranger(model, row) for row in given_rows]
    same(answer["score"], ask(strangers)["score"])


def recommend_except(model: RatingModel, drawn: tuple[list[dict[str, Any]], int]) -> None:
    given_rows, k = drawn

    def ask(part: list[dict[str, Any]]) -> Answer:
        return model.ask("recommend_except", **columns(part, *whose, "exclude"), k=k)

    answer = ask(given_rows)
    check_items(model, given_rows, answer)
    for row, names in zip(given_rows, answer["item_id"], strict=True):
        assert not {name for name in names if name} & set(row["exclude"])
    each_alone(lambda part: {"score": ask(part)["score"]}, given_rows)


def recommend_from(model: RatingModel, drawn: tuple[list[dict[str, Any]], int]) -> None:
    given_rows, k = drawn

    def ask(part: list[dict[str, Any]]) -> Answer:
        return model.ask("recommend_from", **columns(part, *whose, "candidates"), k=k)

    answer = ask(given_rows)
    check_items(model, given_rows, answer)
    for row, names in zip(given_rows, answer["item_id"], strict=True):
        left = {name for name in names if name}
        choices = set(row["candidates"]) & set(model.items) - model.seen.get(row["user_id"], set())
        assert left <= choices
        assert len(left) == min(max(k, 0), len(choices))
    for row, scores in zip(given_rows, answer["score"], strict=True):
        alone = ask([row])["score"][0]
        same(scores[: len(alone)], alone)
        assert not np.isfinite(scores[len(alone) :]).any()


def next_items(model: Model, drawn: tuple[list[dict[str, Any]], int]) -> None:
    given_rows, k = drawn

    def ask(part: list[dict[str, Any]]) -> Answer:
        return model.ask("next_items", **columns(part, "user_id", "history"), k=k)

    answer = ask(given_rows)
    each_alone(lambda part: {"log_probability": ask(part)["log_probability"]}, given_rows)
    for names, found in zip(answer["item_id"], answer["log_probability"], strict=True):
        assert len(set(names)) == len(names)
        assert b"" not in names
        assert (found[:-1] >= found[1:]).all()
        assert np.exp(found).sum() <= 1 + 1e-4
    # Empty and unknown ids in a history are passed over.
    other = [{**row, "history": [b"", *row["history"], NOBODY]} for row in given_rows]
    same(answer["log_probability"], ask(other)["log_probability"])


FUZZ = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
EXAMPLES = pytest.mark.parametrize("examples", [30, pytest.param(400, marks=pytest.mark.slow)])
# The model that has all parts, for what every model of ratings does alike.
FULLEST = pytest.mark.parametrize("rrn", ["saved_default"], indirect=True)
OF_RATINGS = {
    predict: rows(**pair),
    predict_examples: rows(**pair),
    predict_from_history: rows(**pair, past=past),
    recommend: st.tuples(rows(**whose), amounts),
    recommend_except: st.tuples(rows(**whose, exclude=st.lists(items, max_size=6)), amounts),
    recommend_from: st.tuples(rows(**whose, candidates=st.lists(items, max_size=9)), amounts),
}


@EXAMPLES
@pytest.mark.parametrize("check", OF_RATINGS, ids=lambda check: check.__name__)
def test_any_request_for_ratings(rrn: RatingModel, check: Callable[..., None], examples: int) -> None:
    @settings(FUZZ, max_examples=examples)
    @given(OF_RATINGS[check])
    def holds(drawn: Any) -> None:
        check(rrn, drawn)

    holds()


@EXAMPLES
def test_any_request_for_next_items(crnn: Model, examples: int) -> None:
    @settings(FUZZ, max_examples=examples)
    @given(st.tuples(rows(user_id=users, history=st.lists(items, max_size=6)), amounts))
    def holds(drawn: Any) -> None:
        next_items(crnn, drawn)

    holds()


def answers_or_refuses(model: Model, examples: list[bytes]) -> bool:
    try:
        answer = model.ask("serving_default", examples=examples)
    except (tf.errors.InvalidArgumentError, UnicodeDecodeError):
        # The latter where TensorFlow's message quotes what Python cannot decode.
        return bool(examples)
    return not examples or all(len(values) == len(examples) for values in answer.values())


@EXAMPLES
def test_any_bytes_are_an_example_or_an_error(rrn: RatingModel, crnn: Model, examples: int) -> None:
    @settings(FUZZ, max_examples=examples)
    @given(st.lists(st.binary(max_size=30), max_size=3))
    def holds(drawn: list[bytes]) -> None:
        assert all(answers_or_refuses(model, drawn) for model in (rrn, crnn))

    holds()


@FULLEST
def test_lengths_that_differ_are_named(rrn: RatingModel, crnn: Model) -> None:
    def refused(message: str, model: Model, signature: str, **inputs: Any) -> None:
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            model.ask(signature, **inputs)

    two, one = {"user_id": ["a", "b"], "timestamp": [0, 0]}, {"timestamp": [0]}
    refused("expected as many rows of item_id as of user_id, found", rrn, "predict", **two, item_id=["a"])
    refused("expected as many rows of timestamp as of user_id, found", rrn, "recommend", **{**two, **one}, k=1)
    refused("expected as many rows of exclude as of user_id", rrn, "recommend_except", **two, k=1, exclude=[["a"]])
    refused("expected as many rows of candidates as of user_id", rrn, "recommend_from", **two, k=1, candidates=[["a"]])
    refused("expected as many rows of history as of user_id", crnn, "next_items", user_id=["a"], history=[], k=1)
    history = {"history_item_id": [["i1", "i2"]], "history_rating": [[5.0]], "history_timestamp": [[0, 0]]}
    asked = {"user_id": ["a"], "item_id": ["b"], "timestamp": [0]}
    message = "expected as many columns of history_rating as of history_item_id, found"
    refused(message, rrn, "predict_from_history", **asked, **history)


def test_ranks_that_differ_are_named(rrn: RatingModel, crnn: Model) -> None:
    """A loaded model's signatures take tensors of any rank, which no answer may be computed from."""
    for model, name, other in ((m, n, o) for m in (rrn, crnn) for n in m.signatures for o in (0, 1, 2, 3)):
        specs = model.signatures[name].structured_input_signature[1]
        for odd in specs:
            if other == specs[odd].shape.rank or odd == "examples":
                continue
            shapes = {key: [2] * (other if key == odd else spec.shape.rank) for key, spec in specs.items()}
            asked = {key: tf.zeros(shapes[key], spec.dtype) for key, spec in specs.items()}
            with pytest.raises(tf.errors.InvalidArgumentError, match=f"Shape of tensor {odd} .* is not compatible"):
                model.signatures[name](**asked)


@FULLEST
def test_examples_that_lack_something_are_named(rrn: RatingModel, crnn: Model) -> None:
    for served, examples, message in (
        (rrn, [b"no example"], "Could not parse example"),
        (rrn, [example(user_id=["u1"], item_id=["i1"])], "timestamp.*required"),
        (rrn, [example(user_id=["u1"], item_id=[5], timestamp=[0])], "item_id.*Data types don't match"),
        (rrn, [example(user_id=["u1", "u2"], item_id=["i1"], timestamp=[0])], "user_id"),
        (crnn, [example(history=["item 1"])], "user_id.*required"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            served.ask("serving_default", examples=examples)


@FULLEST
def test_large_requests(rrn: RatingModel) -> None:
    count = 100_000
    asked = {"user_id": np.resize(rrn.users, count), "timestamp": np.resize([1_400_000_000, HIGHEST], count)}
    item_id = np.resize(rrn.items, count)
    few = {name: values[:500] for name, values in (*asked.items(), ("item_id", item_id))}
    found = rrn.ask("predict", **asked, item_id=item_id)["rating"]
    same(found[:500], rrn.ask("predict", **few)["rating"])
    found = rrn.ask("recommend", **asked, k=2)["score"]
    same(found[:500], rrn.ask("recommend", **{name: few[name] for name in asked}, k=2)["score"])
    past = {
        "history_item_id": np.tile(np.array(rrn.items[:2], object), (count, 1)),
        "history_rating": np.tile([5.0, 1.0], (count, 1)),
        "history_timestamp": np.tile([0, 1_399_000_000], (count, 1)),
    }
    found = rrn.ask("predict_from_history", **asked, item_id=item_id, **past)["rating"]
    few_past = {name: values[:500] for name, values in past.items()}
    same(found[:500], rrn.ask("predict_from_history", **few, **few_past)["rating"])
