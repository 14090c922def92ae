"""StateUpdater: rating Examples and a base model in, the next model out."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import Artifact, BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter

from components.state_updater.executor import BASE_MODEL, EXAMPLES, MODEL, UPDATE, Executor


class StateUpdate(Artifact):
    """`update.json`: what an update took in, and how well it was foreseen."""

    TYPE_NAME = "components.StateUpdate"


class StateUpdaterSpec(ComponentSpec):
    """Inputs and outputs of StateUpdater."""

    PARAMETERS: dict[str, object] = {}
    INPUTS = {
        EXAMPLES: ChannelParameter(type=standard_artifacts.Examples),
        BASE_MODEL: ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {
        MODEL: ChannelParameter(type=standard_artifacts.Model),
        UPDATE: ChannelParameter(type=StateUpdate),
    }


class StateUpdater(base_component.BaseComponent):
    """Rolls the states of a saved RRN forward with new ratings, or those of a Collaborative RNN with new events.

    What the base model has taken in already is passed over, so a span may be given again, or hold ratings of an earlier
    one. Late ratings, and those from before training, follow the rules of `rrn_tf.serving.update`; late events those of
    `rrn_tf.serving.update_events`.
    """

    SPEC_CLASS = StateUpdaterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, examples: BaseChannel, base_model: BaseChannel) -> None:
        """Declares the component.

        Args:
          examples: of RatingsExampleGen, or of EventsExampleGen where the base model is of events; all of its splits
            are new.
          base_model: the model to go on from, of Trainer, Pusher or an earlier StateUpdater.
        """
        super().__init__(
            StateUpdaterSpec(
                examples=examples,
                base_model=base_model,
                model=Channel(type=standard_artifacts.Model),
                update=Channel(type=StateUpdate),
            )
        )
