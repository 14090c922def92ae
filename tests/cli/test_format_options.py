"""The options about files: the same in every command, and judged before anything slow is imported."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from rrn_tf.cli.format_options import FormatOptions
from rrn_tf.cli.main import main
from rrn_tf.cli.pipeline_options import RunOptions, UpdateOptions, arguments, parsed
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import Config, load_config
from rrn_tf.data.model_folder import EXTRA
from rrn_tf.data_format import DataFormat
from rrn_tf.features import METADATA_FILE
from rrn_tf.serving.model_card import OF_RATINGS

NAMES = {of.name for of in dataclasses.fields(FormatOptions)}
FILES = {
    "--data",
    "--queries",
    "--users",
    "--history",
    "--exclude",
    "--items",
}  # options whose values are files to read

UNREADABLE = """
import os, sys
import click
from rrn_tf.cli.main import main
for line in (
    "train --data bad.csv --output run",
    "train --model crnn --data bad.csv --output run",
    "tune --data bad.csv --output run",
    "baselines --data bad.csv",
    "predict --model run --queries bad.csv --output o.csv",
    "evaluate --model run --data bad.csv",
    "update --model run --data bad.csv --output run",
    "score --model run --queries bad.csv --output o",
    "recommend --model run --users bad.csv --output o.csv",
    "recommend --model run --user 7 --history bad.csv",
    "evaluate --model rated --data events.csv",
    "update --model rated --data events.csv --output run",
    "recommend --model rated --user 7 --history events.csv",
):
    try:
        main(line.split(), standalone_mode=False)
    except click.ClickException as error:
        print(error.exit_code, error.format_message())
print(*sorted({"tensorflow", "apache_beam", "pandas"} & set(sys.modules)), *sorted(os.listdir()))
"""


# The files of `report` are tables of items and dates, whose columns have names of their own.
@pytest.mark.parametrize("name", [name for name in main.commands if name not in {"bench", "report"}])
def test_every_command_that_reads_files_has_them(name: str) -> None:
    options = {flag: option for option in main.commands[name].params for flag in option.opts}
    if FILES & set(options):
        assert {option.name for option in options.values()} >= NAMES


def test_an_unreadable_file_is_refused_before_anything_slow_is_imported(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("uid;what;score;when\na;b;3;4\n")
    (tmp_path / "events.csv").write_text("user_id,item_id,timestamp\na,b,4\n")
    (tmp_path / "rated" / EXTRA).mkdir(parents=True)
    (tmp_path / "rated" / "saved_model.pb").touch()
    (tmp_path / "rated" / EXTRA / METADATA_FILE).write_text(json.dumps({"model": OF_RATINGS}))
    told = subprocess.run([sys.executable, "-c", UNREADABLE], cwd=tmp_path, capture_output=True, text=True, check=True)
    *refused, left = told.stdout.splitlines()
    assert left == "bad.csv events.csv rated"
    assert len(refused) == 13
    assert all(line.startswith("1 bad.csv:1: expected columns user_id") for line in refused[:10])
    lacking = "1 events.csv:1: expected columns user_id,item_id,rating,timestamp, found 'user_id,item_id,timestamp'"
    assert all(line.startswith(lacking) for line in refused[10:])
    assert refused[0].endswith("as in --columns user_id=uid,item_id=NAME,rating=score,timestamp=when")


def test_options_go_over_the_settings() -> None:
    config = load_config(overrides=["data.format.separator=tab", "data.format.columns=user_id=2,item_id=1"])
    assert config.data.format == DataFormat(columns="user_id=2,item_id=1", separator="\t")
    options = FormatOptions(time="ms", separator=";", no_header=True)
    expected = DataFormat(columns="user_id=2,item_id=1", separator=";", time="ms", header=False)
    assert options.into(config).data.format == expected
    assert FormatOptions().into(config) == config
    assert FormatOptions(format="yelp").into(CollaborativeConfig()).data.format == DataFormat("yelp")
    assert FormatOptions().over() == Config().data.format == DataFormat()
    with pytest.raises(
        click.UsageError, match=r"^--columns should be pairs such as user_id=NAME, .*, found 'nonsense'$"
    ):
        FormatOptions(columns="nonsense").over()


@pytest.mark.parametrize("kind", [RunOptions, UpdateOptions])
def test_a_pipeline_takes_them_from_the_command_line(kind: type[RunOptions]) -> None:
    argv = ["--columns=user_id=a,item_id=b", "--separator=;", "--no-header", "--time=%d/%m/%Y", "--format=yelp"]
    options = parsed(kind, argv, "program")
    found = (options.format, options.columns, options.separator, options.no_header, options.time)
    assert found == ("yelp", "user_id=a,item_id=b", ";", True, "%d/%m/%Y")
    assert {*argv} <= {*arguments(options)}
