"""The nodes and wiring of the Collaborative RNN's pipeline."""

from __future__ import annotations

from typing import Any

from pipeline.event_pipeline import create_event_pipeline
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import config_to_dict


def producers(node: Any) -> dict[str, str]:
    return {name: channel.producer_component_id for name, channel in node.inputs.items()}


def test_wiring() -> None:
    pipeline = create_event_pipeline(
        name="test",
        root="/nowhere/artifacts",
        data_base="/nowhere/data",
        data_pattern="events.csv",
        schema_file="events.pbtxt",
        config=config_to_dict(CollaborativeConfig()),
        serving_model_dir="/nowhere/serving",
        max_nll=7.0,
        max_nll_increase=0.01,
    )
    nodes = {component.id: component for component in pipeline.components}
    assert {name: producers(node) for name, node in nodes.items() if name != "latest_blessed_model_resolver"} == {
        "EventsExampleGen": {},
        "StatisticsGen": {"examples": "EventsExampleGen"},
        "ImportSchemaGen": {},
        "ExampleValidator": {"statistics": "StatisticsGen", "schema": "ImportSchemaGen"},
        "EventSequenceBuilder": {"examples": "EventsExampleGen"},
        "Trainer": {"examples": "EventSequenceBuilder"},
        "EventEvaluator": {
            "sequences": "EventSequenceBuilder",
            "model": "Trainer",
            "baseline_model": "latest_blessed_model_resolver",
        },
        "Pusher": {"model": "Trainer", "model_blessing": "EventEvaluator"},
    }
    assert nodes["EventEvaluator"].exec_properties == {"max_nll": 7.0, "max_nll_increase": 0.01}
