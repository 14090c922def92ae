"""The command `rrn report`."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rrn_tf.baselines.events.ngram import ngrams
from rrn_tf.baselines.ratings import GlobalMean, OnlineBias
from rrn_tf.cli.main import main
from tests.report_fakes import HOSTILE, failing, one_of_each, show


def rrn(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def few_baselines(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Fits a few baselines alone; holds whether slow ones were asked for."""
    asked = list[bool]()

    def of_ratings(seed: int, everything: bool) -> list[Any]:
        asked.append(everything)
        return [GlobalMean()]

    def of_events(seed: int, everything: bool) -> list[Any]:
        asked.append(everything)
        return ngrams()[:2]

    monkeypatch.setattr("rrn_tf.runs.comparison.standard_baselines", of_ratings)
    monkeypatch.setattr("rrn_tf.runs.comparison.standard_online_baselines", lambda seed: [OnlineBias()])
    monkeypatch.setattr("rrn_tf.report.subjects_of_runs.standard_event_baselines", of_events)
    return asked


def test_a_report_of_ratings(
    rating_run: Path, few_baselines: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    show(monkeypatch, good=lambda subject: seen.append(subject) or one_of_each(subject))
    (tmp_path / "items.csv").write_text(f'item_id,title\n1,"{HOSTILE}"\n')
    (tmp_path / "awards.csv").write_text("item_id,date,award\n1,2005-02-01,Oscar\n")
    output = tmp_path / "report"
    options = [
        "--items",
        tmp_path / "items.csv",
        "--events",
        tmp_path / "awards.csv",
        "--granularities",
        "1d/7d, 7d/30d",
    ]
    options += ["--users", "1,2", "--explored-items", 5, "--sampled-users", 7, "--seed", 3]
    result = rrn("report", "--run", rating_run, "--output", output, *options, "--json", tmp_path / "told.json")
    assert result.exit_code == 0, result.output
    assert few_baselines == [True]
    assert f"report  {output}/report.html: " in result.output.splitlines()[-1]
    assert "1 tables and figures left out; the page says why" in result.output.splitlines()
    files = contents(output)
    assert files.keys() == {
        "report.html", "report.json", "figures/a_figure.png", "figures/a_figure.svg", "tables/a_figure.csv",
        "tables/a_table.csv",
    }  # fmt: skip
    record = json.loads(files["report.json"])
    assert record == json.loads((tmp_path / "told.json").read_text())
    assert record["seconds"].keys() == {"baselines", "experiments", "explore"}
    assert {"peak_memory_bytes", "versions", "seed"} <= record.keys()
    assert record["page_bytes"] == len(files["report.html"])
    assert record["data"]["users"] == 30
    (part,) = record["experiments"]
    assert [shown["kind"] for shown in part["exhibits"]] == ["table", "figure", "omitted"]
    page = files["report.html"].decode()
    assert HOSTILE not in page
    assert "bayesian_factors: 2" in page, "the resolved configuration"

    (subject,) = seen
    asked = subject.options
    assert (asked.granularities, asked.users) == (((86_400, 604_800), (604_800, 2_592_000)), ("1", "2"))
    assert (asked.explored_items, asked.sampled_users, asked.seed) == (5, 7, 3)
    assert asked.items.title.tolist() == [HOSTILE]
    assert asked.events.award.tolist() == ["Oscar"]
    metrics = json.loads((rating_run / "metrics.json").read_text())
    assert {name: list(of.models) for name, of in subject.predictions.items()} == {
        "frozen": ["RRN", "global mean"],
        "streaming": ["RRN", "online bias"],
    }
    assert subject.predictions["frozen"].models["RRN"].seconds == metrics["seconds"]["train"]

    # What fails later leaves the earlier report as it was.
    show(monkeypatch, good=one_of_each, bad=failing)
    result = rrn("report", "--run", rating_run, "--output", output, "--fast")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith(
        "Error: experiment bad: ZeroDivisionError: no ratings (--without bad"
    )
    assert few_baselines == [True, False]
    assert contents(output) == files


def test_a_report_of_events(
    event_run: Path, few_baselines: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    show(monkeypatch, good=lambda subject: seen.append(subject) or one_of_each(subject))
    result = rrn("report", "--run", event_run, "--output", tmp_path / "report")
    assert result.exit_code == 0, result.output
    scores = seen[0].scores
    assert scores.keys() == {"clean", "interleaved"}
    assert list(scores["clean"].models) == ["mixture", *(baseline.name for baseline in ngrams()[:2])]
    metrics = json.loads((event_run / "metrics.json").read_text())
    for protocol, found in scores.items():
        user = seen[0].sequences.user[found.positions]
        from rrn_tf.evaluation.event_metrics import nll

        of = found.models["mixture"]
        assert nll(of.log_probability, user).value == pytest.approx(metrics["test"][protocol]["nll"], rel=1e-5)
        assert len(of.rank) == metrics["test"][protocol]["n"]
    result = rrn("report", "--run", event_run, "--output", tmp_path / "x", "--granularities", "1d/7d")
    assert result.exit_code == 2
    assert "--events and --granularities are for ratings, found a run of events" in result.output.splitlines()[-1]
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rating_run", "event_run"])
def test_every_experiment_runs(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    result = rrn("report", "--run", request.getfixturevalue(kind), "--output", tmp_path, "--fast")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "report.html").stat().st_size < 5e6


def test_users_who_are_not_in_the_data_are_refused(rating_run: Path, few_baselines: list[bool], tmp_path: Path) -> None:
    result = rrn("report", "--run", rating_run, "--output", tmp_path / "report", "--users", "1,nobody")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == "Error: --users: expected users of the run's data, found 'nobody'"
    assert not few_baselines, "nothing is fitted before that"
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), 1, "expected a run directory of `rrn train` or `rrn run`, found no config.yaml in it"),
        (("--granularities", "1d"), 2, "--granularities: expected pairs of durations such as 1d/7d,7d/7d, found '1d'"),
        (("--granularities", "1d/x"), 2, "found '1d/x'"),
        (("--events", "nowhere.csv"), 1, "nowhere.csv: --events: expected a file of dates, found no such file"),
        (("--items", "nowhere.csv"), 1, "nowhere.csv: --items: expected a file of items, found no such file"),
    ],
)
def test_bad_input_ends_in_one_line_before_anything_slow(
    options: tuple[str, ...], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "rrn_tf.report.subjects_of_runs", None)  # importing it fails
    run = tmp_path / "run"
    for file in ("sequences/metadata.json", "model/saved_model.pb", *(["config.yaml"] if options else [])):
        (run / file).parent.mkdir(parents=True, exist_ok=True)
        (run / file).touch()
    result = rrn("report", "--run", "run", "--output", "report", *options)
    assert result.exit_code == code
    assert said in result.output.splitlines()[-1]
    assert not (tmp_path / "report").exists()


def test_missing_packages_are_named_with_what_brings_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rrn_tf.cli.report.find_spec", lambda name: None)
    result = rrn("report", "--run", tmp_path, "--output", tmp_path / "report")
    assert result.exit_code == 1
    told = "Error: rrn report needs the package matplotlib, found none: pip install 'rrn_tf[report]'"
    assert result.output.splitlines()[-1] == told


def test_a_run_is_looked_for_without_tensorflow(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom rrn_tf.cli.main import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit as ended:\n"
        "    print(ended.code, sorted({'tensorflow', 'matplotlib', 'apache_beam'} & sys.modules.keys()))"
    )
    arguments = shlex.split(f"report --run {tmp_path} --output {tmp_path / 'report'}")
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "1 []", done.stderr
