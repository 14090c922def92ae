"""TFX components: thin adapters over `rrn_tf`."""

from typing import Any


def __getattr__(name: str) -> Any:
    # Vertex AI imports an artifact class by its type name, in which it allows only one dot: `components.RatingReport`.
    if name == "RatingReport":
        from components.report.component import RatingReport

        return RatingReport
    if name == "EventReport":
        from components.event_evaluator.component import EventReport

        return EventReport
    if name == "StateUpdate":
        from components.state_updater.component import StateUpdate

        return StateUpdate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
