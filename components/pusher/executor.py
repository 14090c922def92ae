"""Executor of Pusher."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tfx.components.pusher import executor as tfx_executor
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.utils import proto_utils

from rrn_tf.data.model_folder import ModelNotFoundError, damage
from rrn_tf.files import only_writer_of_directory

PUSHED_MODEL, PUSH_DESTINATION = "pushed_model", "push_destination"
DESTINATION, VERSION = "pushed_destination", "pushed_version"  # properties of PushedModel
_MEND = "run the pipeline again with --no-cache, which trains the model anew"
DRAFT = ".pushing"  # no number, which TensorFlow Serving would take for a version


class Executor(tfx_executor.Executor):
    """As TFX's, but a local version appears whole or not at all: it is copied beside the others, then renamed."""

    def Do(  # noqa: N802
        self, input_dict: dict[str, list[Any]], output_dict: dict[str, list[Any]], exec_properties: dict[str, Any]
    ) -> None:
        """Runs the component.

        Args:
          input_dict: `model` and `model_blessing`.
          output_dict: `pushed_model`.
          exec_properties: `push_destination`, a `PushDestination` as JSON; remote folders, in which nothing can be
            renamed at once, are left to TFX, which copies ``saved_model.pb`` last.

        Raises:
          ModelNotFoundError: if the model is not as it was saved.
          OutputInUseError: if another command is writing to the folder.
        """
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties[PUSH_DESTINATION], destination)
        root = destination.filesystem.base_directory
        if not root or "://" in root:
            super().Do(input_dict, output_dict, exec_properties)
            return
        draft = Path(root, DRAFT)
        destination.filesystem.base_directory = str(draft)
        properties = {**exec_properties, PUSH_DESTINATION: proto_utils.proto_to_json(destination)}
        with only_writer_of_directory(root):
            shutil.rmtree(draft, ignore_errors=True)
            try:
                super().Do(input_dict, output_dict, properties)
                pushed = artifact_utils.get_single_instance(output_dict[PUSHED_MODEL])
                if pushed.has_custom_property(DESTINATION):
                    copy = pushed.get_string_custom_property(DESTINATION)
                    if wrong := damage(copy):  # TFX copies what there is
                        raise ModelNotFoundError(
                            f"{root}: expected a whole model to push, found one whose {wrong}: {_MEND}"
                        )
                    place = _free_version(Path(root), int(pushed.get_string_custom_property(VERSION)))
                    Path(copy).rename(place)
                    pushed.set_string_custom_property(DESTINATION, str(place))
                    pushed.set_string_custom_property(VERSION, place.name)
            finally:
                shutil.rmtree(draft, ignore_errors=True)


def _free_version(root: Path, number: int) -> Path:
    """Returns the first place from a number on: TFX counts seconds, and leaves out a second model of one second."""
    while (place := root / str(number)).exists():
        number += 1
    return place
