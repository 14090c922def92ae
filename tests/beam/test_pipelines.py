"""Options of Beam are checked before a pipeline is made."""

from __future__ import annotations

import pytest

from rrn_tf.beam.pipelines import check_beam_args, new_pipeline
from rrn_tf.data.prepared import BadInputError


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--no_such_option=1"], "no such option --no_such_option$"),
        (["--direct_num_wokers", "2"], r"no such option --direct_num_wokers; did you mean --direct_num_workers\?$"),
        (["--direct_num_workers=some"], "argument --direct_num_workers: invalid int value: 'some'"),
        (["2"], "expected options such as --runner=DirectRunner, found 2"),
        (["--runner=NoRunner"], "Unexpected pipeline runner: NoRunner"),
        (["--runner=nowhere.NoRunner"], "No module named 'nowhere'"),
    ],
)
def test_refuses_unknown_options(options: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadInputError, match=rf"^Beam options \(--beam-args\): .*{said}") as told:
        new_pipeline(options)
    assert "\n" not in str(told.value)
    assert "usage:" not in capfd.readouterr().err


def test_accepts_what_beam_or_a_job_server_knows() -> None:
    check_beam_args(["--direct_num_workers=2", "--direct_running_mode=multi_processing"])
    check_beam_args(["--runner=PortableRunner", "--job_endpoint=localhost:8099", "--parallel=3", "--of_the_server=1"])
    check_beam_args([])
