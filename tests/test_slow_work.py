"""How far slow work is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from rrn_tf.slow_work import Amount, add, each, heard_by, tell, working

Heard = list[tuple[str, Amount | None]]


@pytest.fixture
def heard() -> Heard:
    return []


def test_nobody_need_listen() -> None:
    tell("a", 1, 2)
    add("a", done=1, of=2)
    assert list(each([1, 2], "a")) == [1, 2]


def test_work_ends_even_if_it_fails_or_stops_early(heard: Heard) -> None:
    with heard_by(lambda *what: heard.append(what)):
        with pytest.raises(ValueError, match="no"), working("a", 3):
            raise ValueError("no")
        for number in each(iter("xyz"), "b", 3):
            if number == "y":
                break
    assert heard == [("a", Amount(0, 3)), ("a", None), ("b", Amount(0, 3)), ("b", Amount(1, 3)), ("b", None)]
    tell("c", 1)
    assert len(heard) == 5, "nobody listens any more"


def test_threads_add_up_and_the_last_part_ends_the_work(heard: Heard) -> None:
    with heard_by(lambda *what: heard.append(what)), ThreadPoolExecutor(4) as threads:
        add("a", of=200)
        list(threads.map(lambda _: add("a", done=1), range(200)))
        assert [amount.done for _, amount in heard if amount] == list(range(201))
        assert heard[-1] == ("a", None)
        add("a", of=1)
        assert heard[-1] == ("a", Amount(0, 1)), "counted anew"
