"""The nodes and wiring of the Collaborative RNN's pipeline."""

from __future__ import annotations

import json
from typing import Any

from pipeline.event_pipeline import create_event_pipeline
from pipeline.setting import PipelineSetting
from pipeline.tuning import tune_options
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import CRNN_PLUS, config_to_dict, load_config
from rrn_tf.tuning.space import SearchSpace


def producers(node: Any) -> dict[str, str]:
    return {name: channel.producer_component_id for name, channel in node.inputs.items()}


def wired(**options: Any) -> dict[str, Any]:
    pipeline = create_event_pipeline(
        PipelineSetting(
            name="test",
            root="/nowhere/artifacts",
            data_base="/nowhere/data",
            data_pattern="events.csv",
            schema_file="events.pbtxt",
            serving_model_dir="/nowhere/serving",
        ),
        config=config_to_dict(CollaborativeConfig()),
        max_error=7.0,
        max_error_increase=0.01,
        **options,
    )
    return {component.id: component for component in pipeline.components}


def test_wiring() -> None:
    nodes = wired()
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
        "Report": {"sequences": "EventSequenceBuilder", "model": "Trainer", "model_run": "Trainer"},
    }
    assert nodes["EventEvaluator"].exec_properties == {"max_nll": 7.0, "max_nll_increase": 0.01}


def test_a_search_goes_before_training() -> None:
    config = load_config(CRNN_PLUS, kind=CollaborativeConfig)
    tune = tune_options(90, None, config)
    assert tune is not None
    nodes = wired(tune=tune)
    assert producers(nodes["Tuner"]) == {"examples": "EventSequenceBuilder"}
    assert producers(nodes["Trainer"]) == {"examples": "EventSequenceBuilder", "hyperparameters": "Tuner"}
    options = json.loads(nodes["Tuner"].exec_properties["custom_config"])
    assert options["seconds"] == 5_400
    assert "training.dropout" in SearchSpace.from_dict(options["space"], config, data=False).varied
