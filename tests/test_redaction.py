"""Secrets do not come into messages, records and files that commands write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from rrn_tf.cli.main import main
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.data.datasets import resolve
from rrn_tf.redaction import without_secrets
from rrn_tf.runs.directory import RunPaths, prepare_once
from tests.recommended import TINY

SECRET = "hunter2"
ADDRESS = f"https://ann:{SECRET}@host/ratings.csv?signature={SECRET}&expires=1"
OPTIONS = f"--s3_secret_access_key={SECRET} --gcp_token {SECRET}"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (f"{ADDRESS}: no such file", "https://***@host/ratings.csv?***: no such file"),
        (f"found '{ADDRESS}', expected", "found 'https://***@host/ratings.csv?***', expected"),
        (f"s3://{SECRET}@bucket/a.csv", "s3://***@bucket/a.csv"),
        (f"{OPTIONS} --runner=DirectRunner", "--s3_secret_access_key=*** --gcp_token *** --runner=DirectRunner"),
        ("gs://bucket/part-?-of-2.csv", "gs://bucket/part-?-of-2.csv"),
        ("movielens:data/u@home/ratings?.csv", "movielens:data/u@home/ratings?.csv"),
        ("a@b.c rated 5", "a@b.c rated 5"),
    ],
)
def test_secrets_alone_are_hidden(given: str, kept: str) -> None:
    assert without_secrets(given) == kept


def told(*arguments: str, **environment: str) -> str:
    """Returns all that a command that fails prints."""
    done = CliRunner().invoke(main, list(arguments), env=environment)
    assert done.exit_code in (1, 2), done.output
    return done.output


def test_no_command_that_fails_tells_a_secret(tmp_path: Path) -> None:
    out, model = str(tmp_path / "out"), ADDRESS.replace("ratings.csv", "model")
    for number, arguments in enumerate(
        (
            ("train", "--data", ADDRESS, "--output", f"{out}/train"),
            ("train", "--data", ADDRESS, "--output", f"{out}/events", "--model", "crnn"),
            ("train", "--data", "synthetic", "--output", f"{out}/beam", f"--beam-args={OPTIONS} --runner=None"),
            ("tune", "--data", ADDRESS, "--output", f"{out}/tune"),
            ("score", "--model", model, "--queries", ADDRESS, "--output", f"{out}/scores"),
            ("predict", "--model", model, "--queries", ADDRESS, "--output", f"{out}/predicted.csv"),
            ("evaluate", "--model", model, "--data", ADDRESS),
            ("recommend", "--model", model, "--user", "1"),
            ("similar", "--model", model, "--item", "1"),
            ("update", "--model", model, "--data", ADDRESS, "--output", f"{out}/updated"),
            ("export-states", "--model", model, "--output", f"{out}/states"),
        )
    ):
        printed = told(*arguments)
        assert SECRET not in printed, (number, printed)
        assert "Error" in printed
    assert SECRET not in written(tmp_path)


def written(root: Path) -> str:
    """Returns the names and the content of all files below a folder."""
    files = [file for file in root.rglob("*") if file.is_file()]
    return "".join(f"{file} {file.read_bytes().decode('utf-8', 'replace')}" for file in files)


def test_a_run_keeps_no_secret_of_its_data(tmp_path: Path) -> None:
    assert resolve(ADDRESS, tmp_path).description == "https://***@host/ratings.csv?***"
    assert resolve(ADDRESS, tmp_path).pattern == ADDRESS

    def prepare(to: RunPaths) -> None:
        to.sequences.mkdir(parents=True)
        to.dead_letters.write_text("")

    paths, config = RunPaths(tmp_path / "run"), CollaborativeConfig()
    source = {"data": ADDRESS, "valid": None}
    assert not prepare_once(paths, config, source, prepare, resume=False)
    assert prepare_once(paths, config, source, prepare, resume=True)
    assert json.loads(paths.source.read_text())["data"] == "https://***@host/ratings.csv?***"
    assert SECRET not in written(tmp_path)


@pytest.mark.slow
def test_no_file_of_a_training_holds_a_secret_of_the_environment(tmp_path: Path) -> None:
    cluster = json.dumps({"cluster": {"worker": [f"{SECRET}:1"]}, "task": {"type": "worker", "index": 0}})
    settings = [f"--set={name}={value}" for name, value in TINY.items()]
    arguments = ["train", "--data", "synthetic", "--output", str(tmp_path / "run"), *settings]
    environment = {"TF_CONFIG": cluster, "AWS_SECRET_ACCESS_KEY": SECRET, "RRN_PASSWORD": SECRET}
    done = CliRunner().invoke(main, arguments, env=environment, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert SECRET not in done.output
    assert (tmp_path / "run" / "model" / "saved_model.pb").exists()
    assert SECRET not in written(tmp_path)
