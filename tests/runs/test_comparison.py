"""`rrn baselines`: every baseline on one split."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import rrn_tf.runs.comparison as comparison
from rrn_tf.baselines.events import next_item_network
from rrn_tf.baselines.events.registry import standard_event_baselines
from rrn_tf.baselines.ratings import GlobalMean, OnlineBias, UserItemBias, standard_baselines, standard_online_baselines
from rrn_tf.checksums import CHECKSUMS_FILE, add_checksums
from rrn_tf.cli.main import main
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import DataConfig, config_from_dict
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.data.synthetic import SyntheticConfig, generate
from rrn_tf.evaluation.findings import findings
from rrn_tf.evaluation.leaderboard import LeaderboardRow
from rrn_tf.features import COLUMNS, Side, Split
from rrn_tf.runs.comparison import STREAMING_UNSEEN, compare_events, compare_ratings, scored_split
from rrn_tf.slow_work import Amount, heard_by
from tests.events import uniform_events
from tests.prepared import write_sequences

EVENTS = "synthetic-events:users=25,items=40,events=1500"
VALID = (Split.VALID, Split.VALID_COLD)
BASELINES = [baseline.name for baseline in standard_event_baselines()]
FEW = ("--set=data.min_item_events=2", "--set=data.min_user_entropy=0")


def rrn(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.slow
def test_ratings_of_a_run_with_its_network(tmp_path: Path) -> None:
    data = "synthetic:users=80,items=40,ratings=1500,days=90"
    trained = rrn(
        "train", "--data", data, "--output", str(tmp_path / "run"), "--set=training.epochs=1", "--set=model.ensemble=2"
    )
    assert trained.exit_code == 0, trained.output
    result = rrn("baselines", "--run", str(tmp_path / "run"), "--json", str(tmp_path / "rows.json"))
    assert result.exit_code == 0, result.output
    answer = json.loads((tmp_path / "rows.json").read_text())
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    frozen, streaming, unseen = (
        {row["model"]: row for row in answer[protocol]}
        for protocol in ("frozen", "streaming", "streaming, unseen users and items included")
    )
    assert frozen.keys() == {"RRN", *(baseline.name for baseline in standard_baselines())}
    assert streaming.keys() == unseen.keys() == {"RRN", *(baseline.name for baseline in standard_online_baselines())}
    for protocol, rows in (("frozen", frozen), ("streaming", streaming)):
        assert rows["RRN"]["rmse"] == pytest.approx(metrics["test"][protocol]["rmse"], rel=1e-5)
        assert {row["n"] for row in rows.values()} == {metrics["test"][protocol]["n"]}
    assert unseen["RRN"]["n"] == sum(metrics[split]["streaming"]["n"] for split in ("test", "test_cold"))
    assert frozen["RRN"]["difference"] is streaming["RRN"]["difference"] is None
    assert frozen["RRN"]["seconds"] == streaming["RRN"]["seconds"] == metrics["seconds"]["train"]
    assert frozen["RRN"]["parameters"] == streaming["RRN"]["parameters"] > 1000
    assert all(row["seconds"] >= 0 and row["parameters"] for row in frozen.values())
    for protocol in ("frozen", "streaming", "streaming, unseen users and items included"):
        assert f"{protocol}: {answer[protocol][0]['n']:,} test ratings" in result.output.splitlines()
        told = " ".join(result.output.split())
        assert findings([LeaderboardRow(**row) for row in answer[protocol]])[-1] in told


@pytest.mark.slow
def test_an_updated_model_is_not_compared_on_earlier_ratings(rating_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison.SavedRRN, "until", property(lambda saved: saved.cutoff + 1))
    result = rrn("baselines", "--run", str(rating_run))
    assert result.exit_code == 1
    assert "model: expected the model as it was trained, found one updated" in result.output.splitlines()[-1]


def test_without_test_ratings_models_are_compared_on_validation_ratings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = generate(SyntheticConfig(users=60, items=50, ratings=900, days=60, seed=3))
    trained = made.timestamp < np.quantile(made.timestamp, 0.8)
    known = np.isin(made.user, made.user[trained]) & np.isin(made.item, made.item[trained])
    split = np.select([trained, known], [Split.TRAIN, Split.VALID], Split.VALID_COLD)
    columns = (list(made.user_id), list(made.item_id), made.rating, made.timestamp, split)
    sequences = load_sequences(write_sequences(*columns, tmp_path, DataConfig(shards=1)))
    monkeypatch.setattr(comparison, "standard_baselines", lambda seed, everything: [GlobalMean(), UserItemBias()])
    monkeypatch.setattr(comparison, "standard_online_baselines", lambda seed: [OnlineBias()])
    told: list[str] = []
    heard: list[tuple[str, Amount | None]] = []
    with heard_by(lambda *what: heard.append(what)):
        boards = compare_ratings(sequences, None, 0, told.append)
    assert [what for what in heard if what[1] and what[0] == "baselines, frozen"] == [
        ("baselines, frozen", Amount(done, 2)) for done in range(3)
    ]
    assert {"fitting user+item bias", "fitting online bias"} <= {what for what, amount in heard if amount is None}
    assert scored_split(sequences) is Split.VALID
    assert [line for line in told if "validation" in line] == told[:1]
    assert told[0].startswith("no test ratings: compared on validation ratings")
    counts = {name: len(sequences.rating_indices(of)) for name, of in (("known", VALID[:1]), ("all", VALID))}
    assert 0 < counts["known"] < counts["all"]
    sizes = {protocol: {row.n for row in rows} for protocol, rows in boards.items()}
    assert sizes == {"frozen": {counts["known"]}, "streaming": {counts["known"]}, STREAMING_UNSEEN: {counts["all"]}}
    mean = next(row for row in boards["frozen"] if row.model == "global mean")
    train, valid = (sequences.interactions([of]).rating for of in (Split.TRAIN, Split.VALID))
    assert mean.rmse == pytest.approx(np.sqrt(np.mean((valid - train.mean()) ** 2)), rel=1e-5)


def test_nothing_but_training_ratings_is_refused_at_once(tmp_path: Path) -> None:
    columns = (["u", "v", "u"], ["i", "i", "i"], [1, 2, 3], [1, 2, 3], [Split.TRAIN] * 3)
    sequences = load_sequences(write_sequences(*columns, tmp_path, DataConfig(shards=1)))
    with pytest.raises(ValueError, match="should have test or validation ratings, found none"):
        compare_ratings(sequences, None, 0, pytest.fail)


@pytest.mark.slow
def test_a_run_with_files_for_validation_is_compared_on_them(tmp_path: Path) -> None:
    made = generate(SyntheticConfig(users=80, items=40, ratings=1500, days=90, seed=1))
    frame = pd.DataFrame({name: getattr(made, name) for name in COLUMNS}).sort_values("timestamp")
    files = {"--data": tmp_path / "train.csv", "--valid": tmp_path / "valid.csv"}
    for file, rows in zip(files.values(), (frame[:1200], frame[1200:]), strict=True):
        rows.to_csv(file, index=False)
    given = [str(part) for pair in files.items() for part in pair]
    settings = ["--set=training.epochs=1", "--set=model.ensemble=1", "--output", str(tmp_path / "run")]
    trained = rrn("train", *given, *settings)
    assert trained.exit_code == 0, trained.output
    result = rrn("baselines", "--run", str(tmp_path / "run"), "--json", str(tmp_path / "rows.json"))
    assert result.exit_code == 0, result.output
    answer = json.loads((tmp_path / "rows.json").read_text())
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert answer["split"] == "valid"
    for protocol in ("frozen", "streaming"):
        ours = next(row for row in answer[protocol] if row["model"] == "RRN")
        assert ours["rmse"] == pytest.approx(metrics["valid"][protocol]["rmse"], rel=1e-5)
        assert f"{protocol}: {ours['n']:,} validation ratings" in result.output.splitlines()


@pytest.mark.slow
def test_events_of_runs_with_their_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for network in ("gru4rec", "sasrec"):  # the rows count here, not how good they are
        monkeypatch.setattr(next_item_network, network, partial(getattr(next_item_network, network), max_epochs=1))
    settings = [*FEW, "--set=training.epochs=2", "--set=model.units=5", "--set=training.patience=0"]
    papers = (
        "model.mixture=false",
        "model.matrices=personal",
        "model.activation=sigmoid",
        "training.learning_rate=0.0075",
    )
    runs = {
        "s0": (*papers, "training.seed=0"),
        "s1": (*papers, "training.seed=1"),
        "shared": (*papers, "model.matrices=shared"),
        "mixture": ("model.window=9",),
    }
    for name, own in runs.items():
        output, sets = str(tmp_path / name), [f"--set={setting}" for setting in own]
        trained = rrn("train", "--model", "crnn", "--data", EVENTS, "--output", output, *settings, *sets)
        assert trained.exit_code == 0, trained.output

    def compared(*arguments: str) -> dict[str, Any]:
        result = rrn("baselines", "--model", "crnn", *arguments, "--json", str(tmp_path / "rows.json"))
        assert result.exit_code == 0, result.output
        found = json.loads((tmp_path / "rows.json").read_text())
        return {"printed": result.output, "means": found["means"], **{row["model"]: row for row in found["rows"]}}

    metrics = {name: json.loads((tmp_path / name / "metrics.json").read_text()) for name in runs}
    given = [f"--run={tmp_path / name}" for name in runs]
    for protocol in ("clean", "interleaved"):
        found = compared(*given, "--no-networks", "--protocol", protocol)
        losses = {name: metrics[name]["test"][protocol]["nll"] for name in runs}
        for row, name in (("C-GRU s0", "s0"), ("C-GRU s1", "s1"), ("P-GRU", "shared"), ("mixture", "mixture")):
            assert found[row]["nll"] == pytest.approx(losses[name], rel=1e-5)
        assert found["P-GRU"]["difference"] == pytest.approx(losses["shared"] - losses["s0"], rel=1e-3)
        together = found["C-GRU, 2 seeds together"]
        assert together["nll"] < (losses["s0"] + losses["s1"]) / 2, "a mean of probabilities is no worse, by Jensen"
        assert together["parameters"] == found["C-GRU s0"]["parameters"] + found["C-GRU s1"]["parameters"]
        mean = found["means"].pop("C-GRU")
        assert not found["means"]
        assert (mean["runs"], mean["nll"]) == (2, pytest.approx((losses["s0"] + losses["s1"]) / 2, rel=1e-5))
        best = min((found[name] for name in BASELINES), key=lambda row: row["nll"])
        assert mean["best_baseline"] == best["model"]
        assert mean["difference"] == pytest.approx(mean["nll"] - best["nll"], abs=1e-5)
        assert "C-GRU, mean of 2 runs" in found["printed"]
        assert "Ko et al., ACML 2016" in found["printed"]
        assert not {"C-tanh", "HMM"} & found.keys()

    # What a run has is not trained again; what is trained is what a run of that form would be.
    beside = compared(given[0], "--all")
    assert beside["means"] == {}
    assert beside["C-GRU"]["nll"] == pytest.approx(metrics["s0"]["test"]["clean"]["nll"], rel=1e-5)
    assert beside["P-GRU"]["nll"] == pytest.approx(metrics["shared"]["test"]["clean"]["nll"], rel=1e-5)
    assert beside["P-GRU"]["parameters"] < beside["C-tanh"]["parameters"] < beside["C-GRU"]["parameters"]
    assert all(beside[form]["seconds"] > 0 for form in ("mixture", "C-GRU", "P-GRU", "C-tanh", "MF", "HMM"))

    other = tmp_path / "other"
    shutil.copytree(tmp_path / "s0", other)
    vocabulary = other / "sequences" / Side.ITEM.vocabulary_file
    vocabulary.write_text("another\n" + vocabulary.read_text().split("\n", 1)[1])
    add_checksums(vocabulary.with_name(CHECKSUMS_FILE), vocabulary.parent, [vocabulary.name])
    refused = rrn("baselines", "--model", "crnn", given[0], f"--run={other}")
    assert refused.exit_code == 1
    assert "expected the events and the split of" in refused.output.splitlines()[-1]


@pytest.mark.slow
def test_events_without_a_run_have_every_network() -> None:
    settings = {"model": {"units": 3}, "training": {"epochs": 1, "chunk": 8}}
    config = config_from_dict(settings, CollaborativeConfig)
    told: list[str] = []
    found = compare_events(uniform_events(0), "clean", [], config, 0, told.append, everything=True)
    rows = {row.model: row for row in found.rows}
    assert told[:4] == ["mixture", "C-GRU", "P-GRU", "C-tanh"]
    assert sorted(told) == sorted(rows) == sorted(found.references)
    assert [name for name, row in rows.items() if row.difference is None] == ["mixture"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "expected one of --data and --run"),
        (("--data", "a.csv", "--run", "b"), 2, "expected one of --data and --run"),
        (("--data", "nowhere.csv"), 1, "nowhere.csv"),
        (("--run", "nowhere", "--model", "crnn"), 1, "nowhere: expected a run directory"),
        (("--run", "a", "--run", "b"), 2, "expected one --run of ratings, found 2"),
        (("--run", "a", "--config", "paper-imdb"), 2, "--config is for --data"),
        (("--data", "a.csv", "--all"), 2, "--all is for --model crnn"),
    ],
)
def test_bad_arguments_end_in_one_line(arguments: tuple[str, ...], code: int, said: str) -> None:
    result = rrn("baselines", *arguments)
    assert result.exit_code == code
    assert said in result.output.splitlines()[-1]
