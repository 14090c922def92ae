"""Executor of UpdateEvaluator."""

from __future__ import annotations

import json
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.blessing import bless
from components.state_updater.executor import REPORT_FILE

UPDATE, BLESSING, MAX_INCREASE = "update", "blessing", "max_increase"


class Executor(base_executor.BaseExecutor):
    """Decides by the figures of StateUpdater whether to bless the model."""

    def Do(  # noqa: N802
        self, input_dict: dict[str, list[Any]], output_dict: dict[str, list[Any]], exec_properties: dict[str, Any]
    ) -> None:
        """Runs the component.

        Args:
          input_dict: `update`.
          output_dict: `blessing`.
          exec_properties: `max_increase`.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        with fileio.open(f"{artifact_utils.get_single_uri(input_dict[UPDATE])}/{REPORT_FILE}") as file:
            report = json.loads(file.read())
        # Without new rows there is nothing to push.
        blessed = bool(report.get("ratings") or report.get("events"))
        if error := report.get("rmse") or report.get("last"):
            blessed = blessed and error["updated"] <= error["frozen"] + exec_properties[MAX_INCREASE]
        bless(artifact_utils.get_single_instance(output_dict[BLESSING]), blessed)
