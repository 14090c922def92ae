"""Requests to saved models, by their signatures and from Python: each has a true answer or one clear error."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import tensorflow as tf

from rrn_tf.columns import text_ids, unix_seconds
from rrn_tf.config import DataConfig
from rrn_tf.data.reading.in_memory import read_files
from rrn_tf.data.source import write_whole_frame
from rrn_tf.data.synthetic import SyntheticConfig
from rrn_tf.features import EVENT_COLUMNS, ITEM_ID, RATING, SIDES, TIMESTAMP, USER_ID
from rrn_tf.recommenders.frames import checked
from rrn_tf.serving.export_events import export_event_model
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.streaming import predict_streaming
from rrn_tf.serving.update_model import RATING_COLUMNS, take_in
from rrn_tf.training.truncated_bptt import train as train_events
from tests.events import rhythmic_events, small_mixture
from tests.fuzz.draw import Draw
from tests.fuzz.targets import one_line
from tests.prepared import LIKE_THE_DEFAULT
from tests.serving import test_hostile as hostile
from tests.serving.conftest import compiled, trained_and_saved

Columns = dict[str, Any]
_REFUSED_BY_TENSORFLOW = (tf.errors.InvalidArgumentError, TypeError, ValueError, UnicodeDecodeError)


@cache
def _root() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="rrn-fuzz-")


@cache
def rating_model() -> Path:
    """Trains and saves an RRN with all parts of the default."""
    sizes = {**LIKE_THE_DEFAULT, "units": 5, "embedding": 4, "stationary": 0}
    ratings = SyntheticConfig(users=50, items=30, ratings=600, days=250, seed=4)
    return trained_and_saved(Path(_root().name, "ratings"), ratings, DataConfig(shards=1), **sizes).path


@cache
def event_model() -> Path:
    """Trains and saves a Collaborative RNN with all parts of the default."""
    root = Path(_root().name, "events")
    result = train_events(rhythmic_events(), root / "training", small_mixture(2))
    export_event_model(result, root / "model")
    return root / "model"


def rating_requests(data: bytes) -> None:
    """Asks a saved RRN; the first byte chooses how, the others what."""
    ask_ratings(rating_model(), data)


def event_requests(data: bytes) -> None:
    """Asks a saved Collaborative RNN, in the same way."""
    ask_events(event_model(), data)


def ask_ratings(path: Path, data: bytes) -> None:
    """As `rating_requests`, of the model at a path."""
    draw, model = Draw(data), _of_ratings(path)
    match draw.number(4):
        case 0:
            _ask_as_documented(model, draw)
        case 1:
            _ask_with_tensors(model, draw, [*model.users, *model.items])
        case 2:
            _ask_from_python(compiled(path), draw)
        case _:
            _take_in(compiled(path), draw, RATING_COLUMNS)


def ask_events(path: Path, data: bytes) -> None:
    """As `event_requests`, of the model at a path."""
    draw, model, saved = Draw(data), _of_events(path), _saved_events(path)
    known = [name.encode() for name in (*saved.user_ids, *saved.item_ids)]
    match draw.number(4):
        case 0:
            _ask_next_items(model, draw, known)
        case 1:
            _ask_with_tensors(model, draw, known)
        case 2:
            _ask_next_items_from_python(saved, draw)
        case _:
            _take_in(saved, draw, EVENT_COLUMNS)


_of_ratings, _of_events = cache(hostile.RatingModel), cache(hostile.Model)
_saved_events = cache(SavedCollaborativeRNN)


# --- as documented, with odd values ------------------------------------------------------------------


def _ask_as_documented(model: hostile.RatingModel, draw: Draw) -> None:
    check = draw.of(list(hostile.OF_RATINGS))
    rows: list[Columns] = []
    for _ in range(draw.number(4)):
        row: Columns = {
            USER_ID: draw.name(model.users),
            TIMESTAMP: draw.int64(),
            ITEM_ID: draw.name(model.items),
        }
        if check is hostile.predict_from_history:
            past = range(draw.number(4))
            row["past"] = [(draw.name(model.items), draw.float32(), draw.int64()) for _ in past]
        elif check is hostile.recommend_except:
            row["exclude"] = draw.names(model.items)
        elif check is hostile.recommend_from:
            row["candidates"] = draw.names(model.items, 9)
        rows.append(row)
    ranks = check in (hostile.recommend, hostile.recommend_except, hostile.recommend_from)
    check(model, (rows, draw.number(40) - 2) if ranks else rows)


def _ask_next_items(model: hostile.Model, draw: Draw, known: Sequence[bytes]) -> None:
    rows = [{USER_ID: draw.name(known), "history": draw.names(known)} for _ in range(draw.number(4))]
    k = draw.number(12) - 2
    if not draw.number(3):
        hostile.next_items(model, (rows, k))
        return
    new_only, width = bool(draw.number(2)), max((len(row["history"]) for row in rows), default=0)
    for row in rows:
        row |= {TIMESTAMP: draw.int64(), "exclude": draw.names(known)}
        row["history_timestamp"] = [draw.int64() for _ in range(width)]
    names = (USER_ID, "history", TIMESTAMP, "exclude", "history_timestamp")

    def ask(part: list[Columns]) -> hostile.Answer:
        # A row alone keeps the width of its request, in which its times stand.
        padded = [{**row, "history": [*row["history"], *[b""] * (width - len(row["history"]))]} for row in part]
        return model.ask("next_items_at", **hostile.columns(padded, *names), k=k, new_only=new_only)

    answer = hostile.each_alone(lambda part: {"log_probability": ask(part)["log_probability"]}, rows)
    for row, items, found in zip(rows, ask(rows)["item_id"], answer["log_probability"], strict=True):
        left = [name for name in items if name]
        assert [bool(name) for name in items] == np.isfinite(found).tolist()
        assert not np.isnan(found).any()
        assert len(set(left)) == len(left)
        assert not set(left) & set(row["exclude"])
        assert not new_only or not set(left) & set(row["history"])
        assert np.exp(found).sum() <= 1 + 1e-4


def _ask_with_tensors(model: hostile.Model, draw: Draw, known: Sequence[bytes]) -> None:
    """Any tensors: an answer of as many rows, without NaN, or an error."""
    name = draw.of(sorted(model.signatures))
    function = model.signatures[name]
    specs, rows = function.structured_input_signature[1], draw.number(5)
    asked = {key: draw.tensor(spec, rows, known) for key, spec in sorted(specs.items())}
    fits = all(
        asked[key].dtype == spec.dtype and len(asked[key].shape) == spec.shape.rank for key, spec in specs.items()
    )
    try:
        answer = function(**asked)
    except _REFUSED_BY_TENSORFLOW:
        return
    assert fits
    first = asked["examples" if "examples" in asked else USER_ID]
    for key, values in asked.items():
        assert not len(values.shape) or len(values) == len(first) or (name == "next_items_at" and not len(values)), key
    for values in answer.values():
        assert values.shape[0] == first.shape[0]
        assert values.dtype == tf.string or not np.isnan(values.numpy()).any()


# --- from Python ---------------------------------------------------------------------------------------


def _refused_in_one_line(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (TypeError, ValueError) as error:
        one_line(error)
        return None


def _ask_from_python(saved: SavedRRN, draw: Draw) -> None:
    users, items = (saved.ids(side) for side in SIDES)
    count = draw.number(5)
    user, item = (draw.column([draw.of(ids.tolist()) for _ in range(count)]) for ids in (users, items))
    time, k = draw.column([draw.int64() for _ in range(count)]), draw.of((1, 3, 0, 100, -1, 2**40))
    what = draw.number(4)
    if what == 0:
        found = _refused_in_one_line(lambda: saved.predict(user, item, time))
        if found is not None:
            assert len(found) == len(text_ids(user, USER_ID, empty=True)) == len(unix_seconds(time))
            assert np.isfinite(found).all()
        return
    if what == 1:
        rating = np.array([draw.float32() for _ in range(count)], np.float32)
        found = _refused_in_one_line(lambda: predict_streaming(saved, user, item, time, rating))
        if found is not None:
            assert len(found) == count
            assert np.isfinite(found).all()
        return
    others = draw.column([draw.of(items.tolist()) for _ in range(draw.number(4))])
    chosen = {"exclude": others} if what == 2 else {"candidates": others}
    answer = _refused_in_one_line(lambda: saved.recommend_many(user, time, k, **chosen))
    if answer is not None:
        names, scores = answer
        assert len(names) == len(scores) == len(unix_seconds(time))
        assert not np.isnan(scores).any()
        given = set(items if others is None and what == 3 else text_ids(others, "others", empty=True)) - {""}
        for row in names:
            left = {name for name in row if name}
            assert not left & given if what == 2 else left <= given
            assert left <= set(items)


def _ask_next_items_from_python(saved: SavedCollaborativeRNN, draw: Draw) -> None:
    users, items = saved.user_ids.tolist(), saved.item_ids.tolist()
    count = draw.number(4)
    user, k = draw.column([draw.of(users) for _ in range(count)]), draw.of((1, 3, 0, 100, -1, 2**40))
    timed, width = draw.number(2), draw.number(3)
    time = draw.column([draw.int64() for _ in range(count)]) if timed else None
    history = [draw.column([draw.of(items) for _ in range(width)]) for _ in range(count)]
    options: Columns = {"new_only": bool(draw.number(2)), "history": history}
    if draw.number(2):
        options["exclude"] = draw.column([draw.of(items) for _ in range(draw.number(4))])
    if draw.number(2):
        options["candidates"] = [draw.of(items) for _ in range(draw.number(4))]
    if timed and draw.number(2):
        options["history_timestamp"] = [draw.column([draw.int64() for _ in range(width)]) for _ in range(count)]
    answer = _refused_in_one_line(lambda: saved.next_items_of(user, k, time, **options))
    if answer is not None:
        names, found = answer
        assert len(names) == len(found) == len(text_ids(user, USER_ID, empty=True))
        assert not np.isnan(found).any()
        assert (np.exp(found).sum(axis=1) <= 1 + 1e-4).all()
        for row in names:
            left = {name for name in row if name}
            assert left <= set(items)
            assert not left & set(text_ids(options.get("exclude", []), "exclude", empty=True))
            assert left <= set(options.get("candidates", items))


# --- updates -------------------------------------------------------------------------------------------


def _take_in(saved: SavedRRN | SavedCollaborativeRNN, draw: Draw, columns: Sequence[str]) -> None:
    """Updates by a frame: refused, or as many rows are counted, and all that is saved is finite."""
    if isinstance(saved, SavedRRN):
        users, items = (saved.ids(side).tolist() for side in SIDES)
    else:
        users, items = saved.user_ids.tolist(), saved.item_ids.tolist()
    count = 1 + draw.number(4)
    usual = {
        USER_ID: [draw.of(users) for _ in range(count)],
        ITEM_ID: [draw.of(items) for _ in range(count)],
        TIMESTAMP: [draw.int64() for _ in range(count)],
        RATING: [draw.float32() for _ in range(count)],
    }
    odd = draw.of((*columns, ""))
    given = {name: draw.column(usual[name]) if name == odd else usual[name] for name in columns}

    def read() -> pa.Table:
        rows = checked(pd.DataFrame(given), columns)
        write_whole_frame(rows, Path(_root().name, "rows.parquet"))
        found, _ = read_files(str(Path(_root().name, "rows.parquet")), columns)
        return pa.Table.from_batches(found.good).select(list(columns)) if found.good else pa.table({})

    rows = _refused_in_one_line(read)
    if rows is None or not len(rows):
        return
    updated = _refused_in_one_line(lambda: take_in(saved, _as_text(rows)))
    assert updated is not None
    report, snapshot = updated.report, updated.export.args[0]
    taken = report["ratings" if RATING in columns else "events"]
    dropped = report["duplicates"] + report.get("before_cutoff", 0) + report.get("unknown_items", 0)
    assert taken + dropped == len(rows)
    for name, values in _numbers_of(snapshot):
        assert np.isfinite(values).all(), name
    for figures in (report.get("rmse"), report.get("last"), *report.get("nll", {}).values()):
        assert all(np.isfinite(value) for value in (figures or {}).values())


def _as_text(rows: pa.Table) -> pa.Table:
    return rows.cast(
        pa.schema(
            [(name, pa.string() if name in (USER_ID, ITEM_ID) else rows[name].type) for name in rows.column_names]
        )
    )


def _numbers_of(snapshot: Any) -> list[tuple[str, np.ndarray]]:
    """Returns all states of an updated model."""
    if isinstance(snapshot.states, np.ndarray):
        return [("states", snapshot.states)]
    found = []
    for side, states in snapshot.states.items():
        found += [(f"{side.value} {variable.name}", variable.numpy()) for variable in states.variables]
    return [(name, values) for name, values in found if values.dtype.kind == "f"]
