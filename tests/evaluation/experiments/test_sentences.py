from __future__ import annotations

import pytest

from rrn_tf.evaluation.experiments.sentences import counted, day, duration, established, listed, with_error


def test_parts_of_sentences() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert (counted(1, "user"), counted(1200, "city", "cities")) == ("1 user", "1,200 cities")
    assert with_error(-0.5, 0.25, "+.2f") == "-0.50 ± 0.25"
    assert with_error(1, None) == with_error(1, float("nan")) == "+1.0000"
    assert day(86_400) == "1970-01-02"
    assert duration(1.5) == "1.5 seconds"


@pytest.mark.parametrize(("value", "error", "found"), [(0.3, 0.1, True), (-0.3, 0.1, True), (0.2, 0.1, False)])
def test_more_than_two_standard_errors_is_established(value: float, error: float, found: bool) -> None:
    assert established(value, error) is found
    assert not established(value, None)
    assert not established(value, float("nan"))
