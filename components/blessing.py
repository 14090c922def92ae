"""Blesses models by the same marks as TFX's Evaluator, so that Pusher and Resolver find them."""

from __future__ import annotations

from typing import Any

from tfx.components.evaluator import constants
from tfx.dsl.io import fileio


def bless(artifact: Any, blessed: bool) -> None:
    """Marks a ModelBlessing artifact as blessed or not blessed."""
    value, file = (
        (constants.BLESSED_VALUE, constants.BLESSED_FILE_NAME)
        if blessed
        else (constants.NOT_BLESSED_VALUE, constants.NOT_BLESSED_FILE_NAME)
    )
    artifact.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, value)
    with fileio.open(f"{artifact.uri}/{file}", "w") as marker:
        marker.write("")
