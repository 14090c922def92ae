"""Timing of a local run's components."""

from __future__ import annotations

import logging

from pipeline.progress import ComponentTimer


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


def test_reads_the_lines_that_the_orchestrator_logs() -> None:
    import inspect

    from tfx.orchestration.local import local_dag_runner

    source = inspect.getsource(local_dag_runner)
    assert "'Component %s is running.'" in source
    assert "'Component %s is finished.'" in source
