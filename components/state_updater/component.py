"""StateUpdater creates the next model from a base model and new Examples."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import Artifact, BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter

from components.state_updater.executor import BASE_MODEL, EXAMPLES, MODEL, UPDATE, Executor


class StateUpdate(Artifact):
    """The artifact of `update.json`: the counts of an update, and the model's error on the new data."""

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
    """Updates the states of a saved RRN by new ratings, or those of a Collaborative RNN by new events.

    Rows that the base model's states already include are skipped, so a span may be given again, or contain ratings of
    an earlier one. For late ratings, and those before the training cutoff, see `rrn_tf.serving.update`; for late
    events, see `rrn_tf.serving.update_events`.
    """

    SPEC_CLASS = StateUpdaterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, examples: BaseChannel, base_model: BaseChannel) -> None:
        """Declares the component.

        Args:
          examples: Examples of RatingsExampleGen or, if the base model is for events, of EventsExampleGen; all splits
            are used as new data.
          base_model: the model to update, an output of Trainer, Pusher or an earlier StateUpdater.
        """
        super().__init__(
            StateUpdaterSpec(
                examples=examples,
                base_model=base_model,
                model=Channel(type=standard_artifacts.Model),
                update=Channel(type=StateUpdate),
            )
        )
