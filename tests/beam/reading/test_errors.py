"""What a portable runner says of a job that failed becomes one line."""

from __future__ import annotations

import grpc
import pytest

from rrn_tf.beam.reading.errors import surfaced_errors
from rrn_tf.data.prepared import BadInputError


class Lost(grpc.RpcError):
    """A call to a job server that failed."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (
            RuntimeError("Pipeline job-1 failed in state FAILED: bundle 4 failed:SDK worker disconnected: worker[1]"),
            "Beam: the job ended as FAILED: bundle 4 failed:SDK worker disconnected: worker[1]; run the command again",
        ),
        (
            RuntimeError("Pipeline job-1 failed in state FAILED: bundle failed:Traceback:\n  File x\nKeyError: 'a'\n"),
            "Beam: the job ended as FAILED: KeyError: 'a'; run the command again",
        ),
        (grpc.FutureTimeoutError(), "Beam: expected a job server at --job_endpoint, found none that answers"),
        (
            Lost(grpc.StatusCode.DEADLINE_EXCEEDED),
            "Beam: the job took longer than --job_server_timeout",
        ),
        (
            Lost(grpc.StatusCode.UNAVAILABLE),
            "Beam: the job server is lost (unavailable); start it",
        ),
        (RuntimeError("of another kind"), "of another kind"),
    ],
)
def test_the_end_of_a_job_is_told_in_one_line(raised: Exception, told: str) -> None:
    with pytest.raises(RuntimeError) as error, surfaced_errors():
        raise raised
    assert str(error.value).startswith(told)
    assert "\n" not in str(error.value)


def test_bad_input_is_told_as_such() -> None:
    lines = f"Pipeline job-1 failed in state FAILED: bundle failed:Traceback\n{BadInputError.__name__}: a.csv: no rows"
    with pytest.raises(BadInputError, match=r"^a.csv: no rows$"), surfaced_errors():
        raise RuntimeError(f"{lines} [while running 'Read']\n\n")
