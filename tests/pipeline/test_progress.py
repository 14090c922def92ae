"""Timing of a local run's components."""

from __future__ import annotations

import logging

from pipeline.progress import ComponentTimer
from rrn_tf.slow_work import Amount, heard_by


def test_times_each_component_and_ignores_other_records() -> None:
    told: list[str] = []
    timer = ComponentTimer(lambda name, seconds: told.append(name))
    log = logging.Logger("test", logging.INFO)
    log.addHandler(timer)
    log.info("Component %s is running.", "Trainer")
    assert timer.running == "Trainer"
    log.info("Component %s is finished.", "Trainer")
    log.info("Component %s is running.", "Pusher")
    log.info("something else")
    assert told == ["Trainer"]
    assert list(timer.seconds) == ["Trainer"]
    assert timer.running == "Pusher"


def test_the_running_component_is_told_among_all_of_them() -> None:
    timer, heard = ComponentTimer(lambda name, seconds: None), list[tuple[str, Amount | None]]()
    timer.components = 2
    log = logging.Logger("test", logging.INFO)
    log.addHandler(timer)
    with heard_by(lambda *what: heard.append(what)):
        log.info("Component %s is running.", "Trainer")
        log.info("Component %s is finished.", "Trainer")
    assert heard == [
        ("components", Amount(0, 2)),
        ("Trainer", Amount(0)),
        ("Trainer", None),
        ("components", Amount(1, 2)),
    ]


def test_reads_the_lines_that_the_orchestrator_logs() -> None:
    import inspect

    from tfx.orchestration.local import local_dag_runner

    source = inspect.getsource(local_dag_runner)
    assert "'Component %s is running.'" in source
    assert "'Component %s is finished.'" in source
