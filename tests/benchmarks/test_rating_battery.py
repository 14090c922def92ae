"""RRN, baselines and peers on one split: every path of the report, and nothing done twice."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import benchmarks.rating_answers as answers
import benchmarks.rating_battery as battery
from benchmarks.rating_answers import Answer
from benchmarks.rating_split import STREAM, TimeSplit, time_split
from rrn_tf.baselines.ratings import GlobalMean, OnlineBias, UserItemBias
from rrn_tf.config import Config, dump_config
from rrn_tf.data.synthetic import SyntheticConfig, generate
from rrn_tf.evaluation.metrics import rmse, rmse_difference
from rrn_tf.features import COLUMNS, Split
from rrn_tf.runs.directory import RunPaths

SMALL = ("training.epochs=1", "model.units=4", "model.embedding=4", "model.dynamic=3", "model.ensemble=1")
# Splits as the real one does; says what its models' names tell.
PEERS = """
import json, os, sys
import numpy as np
folder, given = os.environ["PEER_DIR"], dict(zip(sys.argv[2::2], sys.argv[3::2]))
if sys.argv[1] == "list":
    print("mean\\n[stream] a/b c\\nbroken\\nslow\\nskipped")
elif sys.argv[1] == "split":
    import pandas as pd
    tag, frame = os.path.basename(given["--data"]).split(".")[0], pd.read_csv(given["--data"])
    frame = frame.sort_values(["timestamp", "user_id", "item_id"], kind="stable").reset_index(drop=True)
    last = frame.timestamp.iloc[int(np.ceil(0.8 * len(frame))) - 1]
    train, rest = frame[frame.timestamp <= last], frame[frame.timestamp > last]
    known = rest[rest.user_id.isin(train.user_id) & rest.item_id.isin(train.item_id)]
    order = np.random.RandomState(int(os.environ.get("PEER_SEED", "0"))).permutation(len(known))
    half = len(known) // 2
    parts = dict(train=train, valid=known.iloc[np.sort(order[:half])], test=known.iloc[np.sort(order[half:])])
    users, items = np.unique(train.user_id), np.unique(train.item_id)
    table = lambda p: np.stack([users.searchsorted(p.user_id), items.searchsorted(p.item_id), p.rating, p.timestamp], 1)
    os.makedirs(folder + "/splits", exist_ok=True)
    np.savez(f"{folder}/splits/{tag}.npz", **{name: table(part).astype(float) for name, part in parts.items()})
else:
    assert (os.environ["PEER_BUDGET"], os.environ["PEER_THREADS"]) == ("5.0", "2")
    name, tag = given["--models"], os.path.basename(given["--data"]).split(".")[0]
    with open(folder + "/calls", "a") as file:
        file.write(name + "\\n")
    with np.load(f"{folder}/splits/{tag}.npz") as parts:
        mean, count = parts["train"][:, 2].mean(), len(parts["valid"]) + len(parts["test"])
    if name in ("mean", "[stream] a/b c"):
        os.makedirs(folder + "/preds", exist_ok=True)
        file = f"{folder}/preds/{tag}__{name.replace('/', '_').replace(' ', '_')}.npy"
        np.save(file, np.full(count, mean, np.float32))
        with open(given["--out"], "a") as out:
            out.write(json.dumps(dict(data=tag, model=name, wall_grid=12.5, rss_mb=100.0)) + "\\n")
    else:
        print(given["--data"], name, dict(broken="FAILED no torch", slow="TIMEOUT", skipped="FAILED SKIP")[name])
"""


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Of the last 150 ratings every fifth is of a new user."""
    made = generate(SyntheticConfig(users=60, items=40, ratings=900, days=90, seed=2, rating_step=0.5))
    frame = pd.DataFrame({name: getattr(made, name) for name in COLUMNS}).sort_values("timestamp", ignore_index=True)
    frame.loc[750::5, "user_id"] = [f"new{k % 7}" for k in range(30)]
    return frame


@pytest.fixture(scope="module")
def split(frame: pd.DataFrame) -> TimeSplit:
    return time_split(frame)


@pytest.fixture
def data(frame: pd.DataFrame, tmp_path: Path) -> Path:
    frame.to_csv(tmp_path / "tiny.csv", index=False)
    return tmp_path / "tiny.csv"


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In place of training a note of it, in place of RRN its seed above the truth; few baselines."""
    trained = []

    def train(run: RunPaths, files: answers.SplitFiles, config: Config) -> None:
        trained.append(run.root.name)
        dump_config(config, run.config)
        run.metrics.write_text(json.dumps({"seconds": {"train": 1.5}, "peak_memory_bytes": 2**30}))

    class Saved:
        num_parameters = 12_345

        def __init__(self, model: Path) -> None:
            self.seed = int(model.parent.name[-1])

    def predictions(saved: Any, later: pd.DataFrame) -> dict[str, npt.NDArray[np.float32]]:
        assert later["user_id"].map(type).eq(str).all()
        rating = later["rating"].to_numpy(np.float32)
        return {"": rating + 0.1 * (saved.seed + 1), STREAM: rating - 0.05}

    monkeypatch.setattr(answers, "trained_apart", train)
    monkeypatch.setattr(answers, "SavedRRN", Saved)
    monkeypatch.setattr(answers, "predictions", predictions)
    monkeypatch.setattr(answers, "standard_baselines", lambda seed: [GlobalMean(), UserItemBias()])
    monkeypatch.setattr(answers, "standard_online_baselines", lambda seed: [OnlineBias()])
    return trained


def run(*arguments: object) -> Result:
    return CliRunner().invoke(battery.main, [*map(str, arguments)])


def figures(output: Path) -> dict[str, Any]:
    return json.loads((output / "battery.json").read_text())


def said(split: TimeSplit, model: str, above: float, protocol: str = "frozen", rows: Any = slice(None)) -> Answer:
    rating = np.full(len(split.later), np.nan, np.float32)
    rating[rows] = split.later["rating"].to_numpy()[rows] + above
    return Answer(model, protocol, rating)


def test_a_board_compares_what_answers_for_its_rows(split: TimeSplit, rng: np.random.Generator) -> None:
    noise = rng.normal(size=len(split.later))
    ours = [said(split, f"RRN seed {seed}", (0.2 + 0.1 * seed) * noise) for seed in (0, 1)]
    known = split.row_indices(Split.VALID, Split.TEST)
    others = [said(split, "all", 0.6 * noise), said(split, "peer", 0.05, rows=known), said(split, "s", 0, "streaming")]
    lines = battery.board(split, ours, others, "frozen", "known")
    assert [line["model"] for line in lines] == ["peer", "RRN seed 0", "RRN seed 1", "all"]
    rows = split.row_indices(Split.TEST)
    actual, users = split.later["rating"].to_numpy()[rows], pd.factorize(split.later["user_id"])[0][rows]
    clipped = {of.model: np.clip(of.rating[rows], *split.rating_range) for of in (*ours, *others)}
    best, first, second, last = lines
    assert last["test"] == rmse(clipped["all"], actual)
    each = [rmse_difference(clipped["all"], clipped[f"RRN seed {seed}"], actual, users) for seed in (0, 1)]
    assert last["less_first"] == pytest.approx(each[0])
    assert last["less_mean"] == pytest.approx(np.mean(each, axis=0))
    assert (first["less_first"], first["less_mean"], second["less_mean"]) == (None, None, None)
    assert second["less_first"][0] > 0 > best["less_first"][0]
    assert [line["model"] for line in battery.board(split, ours, others, "frozen", "with unseen")] == [
        "RRN seed 0",
        "RRN seed 1",
        "all",
    ]


def test_without_unseen_users_and_items_there_is_no_board_of_them(split: TimeSplit) -> None:
    known = split.later.iloc[split.row_indices(Split.VALID, Split.TEST)].reset_index(drop=True)
    all_known = TimeSplit(split.train, known)
    assert battery.board(all_known, [said(all_known, "RRN seed 0", 0.1)], [], "frozen", "with unseen") == []
    (line,) = battery.board(all_known, [said(all_known, "RRN seed 0", 0.1)], [], "frozen", "known")
    assert line["model"] == "RRN seed 0"


@pytest.mark.slow
def test_everything_once(data: Path, light: list[str], tmp_path: Path) -> None:
    script, output = tmp_path / "peers.py", tmp_path / "out"
    script.write_text(PEERS)
    peers = ("--peers", script, "--peers-python", sys.executable, "--peer-budget", 5)
    call = (output, data, "--only", "tiny", "--only", "movietweetings-2013", "--seeds", "0,1", *peers, "--ablation")
    first = run(*call)
    assert first.exit_code == 0, first.output
    rungs = [rung.name.replace(" ", "-") for rung in battery.LADDER[1:]]
    assert light == ["seed-0", "seed-1", *(f"{rung}-seed-{seed}" for rung in rungs for seed in (0, 1))]
    calls = (output / "peers" / "calls").read_text().splitlines()
    assert calls == ["mean", "[stream] a/b c", "broken", "slow", "skipped"]
    assert "movietweetings-2013: left out: no --movietweetings FILE was given" in first.output.splitlines()

    found = figures(output)
    tiny = found["sets"]["tiny"]
    assert tiny["silent_peers"] == ["broken (failed)", "slow (out of time)", "skipped (not for these data)"]
    assert tiny["ratings"]["train"] == len(pd.read_csv(output / "tiny" / "train.csv")) == 720
    later = pd.read_csv(output / "tiny" / "later.csv")
    assert (
        sum(tiny["ratings"][part] for part in ("valid", "test", "valid_cold", "test_cold")) == len(later) == 900 - 720
    )
    valid = pd.read_csv(output / "tiny" / "valid.csv")
    pd.testing.assert_frame_equal(valid, later[later["split"] % 2 == 1][list(COLUMNS)].reset_index(drop=True))
    models = {
        (protocol, rows): {line["model"]: line for line in lines}
        for protocol, boards in tiny["boards"].items()
        for rows, lines in boards.items()
    }
    ours = {"RRN seed 0", "RRN seed 1"}
    assert models["frozen", "known"].keys() == {*ours, "global mean", "user+item bias", "mean (peers)"}
    assert models["frozen", "with unseen"].keys() == {*ours, "global mean", "user+item bias"}
    assert models["streaming", "known"].keys() == {*ours, "online bias", "a/b c (peers)"}
    assert models["streaming", "with unseen"].keys() == {*ours, "online bias"}
    peer, baseline = (models["frozen", "known"][name] for name in ("mean (peers)", "global mean"))
    assert peer["test"] == pytest.approx(baseline["test"], rel=1e-5)
    assert (peer["seconds"], peer["memory_bytes"], peer["parameters"]) == (12.5, 100 * 2**20, None)
    assert (baseline["memory_bytes"], baseline["parameters"]) == (None, 1)
    rrn = models["frozen", "known"]["RRN seed 0"]
    assert (rrn["seconds"], rrn["memory_bytes"], rrn["parameters"]) == (1.5, 2**30, 12_345)
    whole, one = (found["ablation"]["tiny"][rung] for rung in ("whole", "one network"))
    errors = [models["frozen", "known"][name]["test"] for name in sorted(ours)]
    assert whole["frozen"]["test"] == one["frozen"]["test"] == pytest.approx(np.mean(errors))

    text = (output / "battery.md").read_text()
    assert "Left out: movietweetings-2013: no --movietweetings FILE was given." in text
    assert "Peers without predictions: broken (failed), slow (out of time), skipped (not for these data)." in text
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert [title.split(":")[0] for title in titles] == [
        "## Summary",
        *(f"## tiny, {protocol}, {rows}" for protocol, rows in models),
        "## Ablation",
    ]
    assert "| set | protocol | rows | ratings | RRN, seeds 0, 1 | best other | less RRN (mean of seeds) |" in text
    assert "|  | tiny frozen valid | tiny frozen test | tiny streaming valid | tiny streaming test |" in text

    assert run(*call).exit_code == 0
    assert len(light) == 2 * len(battery.LADDER)
    assert len((output / "peers" / "calls").read_text().splitlines()) == 5
    assert (output / "battery.md").read_text() == text
    # What was stopped between training and the end goes on from there.
    (output / "tiny" / "runs" / "seed-1" / "answers" / "frozen.npz").unlink()
    assert run(*call).exit_code == 0
    assert len(light) == 2 * len(battery.LADDER)
    assert (output / "battery.md").read_text() == text


def test_one_seed_without_peers(data: Path, light: list[str], tmp_path: Path) -> None:
    result = run(tmp_path / "out", data, "--only", "tiny", "--seeds", "3")
    assert result.exit_code == 0, result.output
    assert light == ["seed-3"]
    text = (tmp_path / "out" / "battery.md").read_text()
    assert "| model | valid | test | less seed 3 | s | MB | parameters |" in text
    assert "less RRN (seed 3) |" in text
    assert "Peers without" not in text
    assert "Ablation" not in text


def test_what_does_not_fit_ends_in_one_line(
    data: Path, light: list[str], tmp_path: Path, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object) -> str:
        result = run(tmp_path / "out", data, "--only", "tiny", "--seeds", "0", *arguments)
        assert result.exit_code != 0
        return result.output.splitlines()[-1]

    script = tmp_path / "peers.py"
    script.write_text(PEERS)
    peers = ("--peers", script, "--peers-python", sys.executable, "--peer-budget", 5)
    monkeypatch.setenv("PEER_SEED", "1")
    assert refused(*peers).endswith("others")
    assert "valid rows, found" in refused(*peers)
    assert refused("--set", "training.epochs=2").endswith("expected training.epochs=2, found 30; use another folder")
    assert refused("--peers", script).endswith("expected both --peers and --peers-python, or neither")
    assert refused("--seeds", "a").endswith("--seeds should be whole numbers like 0,1,2, found a")
    script.write_text("raise ValueError('no such thing')")
    assert refused(*peers).endswith("peers.py list: expected the program to succeed, found ValueError: no such thing")
    frame[:100].to_csv(data, index=False)
    assert refused().endswith("expected the same ratings as before, found others; use another folder")
    few = run(tmp_path / "few", "--only", "movietweetings-2013")
    assert few.output.splitlines()[-1] == "Error: expected a set of ratings, found none that is available"


def test_a_set_without_known_later_ratings_is_left_out(tmp_path: Path, light: list[str]) -> None:
    columns = {"user_id": range(10), "item_id": range(10), "rating": 3.0, "timestamp": range(10)}
    pd.DataFrame(columns).to_csv(tmp_path / "new.csv", index=False)
    result = run(tmp_path / "out", tmp_path / "new.csv", "--only", "new")
    assert "new: left out: expected later ratings of known users and items, found 0 valid and 0 test" in result.output
    assert light == []


@pytest.mark.slow
def test_real_runs(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "standard_baselines", lambda seed: [UserItemBias()])
    settings = [part for setting in SMALL for part in ("--set", setting)]
    output = tmp_path / "out"
    call = (output, data, "--only", "tiny", "--seeds", "0", *settings)
    result = run(*call)
    assert result.exit_code == 0, result.output
    found = figures(output)
    boards = found["sets"]["tiny"]["boards"]
    metrics = json.loads((output / "tiny" / "runs" / "seed-0" / "metrics.json").read_text())
    for protocol in ("frozen", "streaming"):
        rrn = next(line for line in boards[protocol]["known"] if line["ours"])
        assert rrn["memory_bytes"] == metrics["peak_memory_bytes"]
        assert (rrn["seconds"], rrn["less_first"]) == (metrics["seconds"]["train"], None)
    frozen = next(line for line in boards["frozen"]["known"] if line["ours"])
    assert frozen["valid"] == pytest.approx(metrics["valid"]["frozen"]["rmse"], rel=1e-4)
    monkeypatch.setattr(answers, "trained_apart", lambda *arguments: pytest.fail("trained again"))
    again = run(*call)
    assert again.exit_code == 0, again.output
    assert figures(output)["sets"] == found["sets"]
