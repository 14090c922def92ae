"""Executor of DataValidator."""

from __future__ import annotations

import posixpath
import time
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx.components.example_validator import executor as example_validator
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import SCHEMA_KEY, STATISTICS_KEY
from tfx.utils import writer_utils

from components.anomalies import anomaly_lines
from components.staging import local_input
from components.state_updater.executor import READERS, saved_model_uri
from rrn_tf.data.prepared import BadInputError
from rrn_tf.features import ITEM_ID, RATING, TIMESTAMP, USER_ID

EXAMPLES, BASE_MODEL = "examples", "base_model"
GOOD_STATISTICS, TRAINING_STATISTICS = "good_statistics", "training_statistics"
MAX_AHEAD, MAX_NEW_USERS, MAX_NEW_ITEMS, STOP = "max_ahead", "max_new_users", "max_new_items", "stop"
_MAX_NEW = {USER_ID: MAX_NEW_USERS, ITEM_ID: MAX_NEW_ITEMS}


class Executor(example_validator.Executor):
    """Validates statistics by the schema, earlier statistics and the base model's vocabulary."""

    def Do(  # noqa: N802
        self, input_dict: dict[str, list[Any]], output_dict: dict[str, list[Any]], exec_properties: dict[str, Any]
    ) -> Any:
        """Runs the component.

        Args:
          input_dict: `statistics` and `schema`; `examples`, `base_model`, `good_statistics` and `training_statistics`
            as far as they are given.
          output_dict: `anomalies`.
          exec_properties: those of TFX's ExampleValidator, `max_ahead`, `max_new_users`, `max_new_items` and `stop`.

        Raises:
          BadInputError: for anomalies, if `stop` is set, in one line.
        """
        self._inputs, self._settings = input_dict, exec_properties
        self._found: list[str] = []
        self._range: tuple[float, float] | None = None
        self._new: dict[str, float] = {}
        if input_dict.get(BASE_MODEL):
            self._ask_model()
        result = super().Do(input_dict, output_dict, exec_properties)
        if self._found and exec_properties[STOP]:
            raise BadInputError("; ".join(dict.fromkeys(self._found)))
        return result

    def _Validate(self, inputs: dict[str, Any], outputs: dict[str, Any]) -> anomalies_pb2.Anomalies:  # noqa: N802
        """Validates one split and writes its anomalies; called by `Do` of TFX."""
        (folder,) = outputs.values()
        split = posixpath.basename(folder.rstrip("/")).removeprefix("Split-")
        schema = schema_pb2.Schema()
        schema.CopyFrom(inputs[SCHEMA_KEY])
        _bound(schema, self._range, int(time.time() + self._settings[MAX_AHEAD]))
        anomalies = tfdv.validate_statistics(
            inputs[STATISTICS_KEY],
            schema,
            previous_statistics=self._earlier(GOOD_STATISTICS, split),
            serving_statistics=self._earlier(TRAINING_STATISTICS, split),
        )
        for name, share in self._new.items():
            _report_new(anomalies, name, share, self._settings[_MAX_NEW[name]])
        self._found += anomaly_lines(anomalies)
        writer_utils.write_anomalies(posixpath.join(folder, example_validator.DEFAULT_FILE_NAME), anomalies)
        return anomalies

    def _earlier(self, key: str, split: str) -> statistics_pb2.DatasetFeatureStatisticsList | None:
        """Returns a split's statistics of an input; None if the input is not given or lacks the split or its rows."""
        if not self._inputs.get(key):
            return None
        artifact = artifact_utils.get_single_instance(self._inputs[key])
        found = stats_artifact_utils.load_statistics(artifact, split).proto()
        return found if found.datasets and found.datasets[0].num_examples else None

    def _ask_model(self) -> None:
        """Keeps the base model's range of ratings, and the shares of rows of users and items it does not know."""
        # Imported only here, as in StateUpdater.
        from rrn_tf.features import Side
        from rrn_tf.serving.load import load_saved_model
        from rrn_tf.serving.saved_rrn import SavedRRN
        from rrn_tf.tasks import task_of_saved

        rows = artifact_utils.get_single_instance(self._inputs[EXAMPLES])
        with local_input(saved_model_uri(artifact_utils.get_single_uri(self._inputs[BASE_MODEL]))) as folder:
            base = load_saved_model(folder)
            if isinstance(base, SavedRRN):
                known = {USER_ID: base.ids(Side.USER), ITEM_ID: base.ids(Side.ITEM)}
                self._range = (base.metadata.rating_min, base.metadata.rating_max)
            else:
                known = {USER_ID: base.user_ids, ITEM_ID: base.item_ids}
            table = READERS[task_of_saved(base).rows](rows)
        self._new = {name: share_of_new(table[name], ids) for name, ids in known.items()}


def share_of_new(ids: pa.ChunkedArray, known: Any) -> float:
    """Returns the share of rows whose id is not known; 0 without rows.

    Args:
      ids: string[N], the id of each row.
      known: object[K], the known ids.
    """
    if not len(ids):
        return 0.0
    return 1 - float(pc.mean(pc.is_in(ids, value_set=pa.array(known, pa.string()))).as_py())


def _bound(schema: schema_pb2.Schema, rating_range: tuple[float, float] | None, latest: int) -> None:
    """Bounds times by `latest` and, unless the schema has a range, ratings by that of the base model."""
    for feature in schema.feature:
        if feature.name == TIMESTAMP:
            feature.int_domain.max = min(feature.int_domain.max or latest, latest)
        elif feature.name == RATING and rating_range and not _has_range(feature.float_domain):
            feature.float_domain.min, feature.float_domain.max = rating_range


def _has_range(domain: schema_pb2.FloatDomain) -> bool:
    return domain.HasField("min") or domain.HasField("max")


def _report_new(anomalies: anomalies_pb2.Anomalies, name: str, share: float, largest: float) -> None:
    """Adds an anomaly if the share of new values is larger than allowed."""
    if share <= largest:
        return
    told = f"{share:.1%} of the rows have a value that the model does not know, above the threshold {largest:.1%}"
    info = anomalies.anomaly_info[name]
    info.path.step[:] = [name]
    info.severity = anomalies_pb2.AnomalyInfo.ERROR
    info.short_description = "Multiple errors" if info.description else "Many new values"
    info.description = f"{info.description} {told}".strip()
    info.reason.add(type=anomalies_pb2.AnomalyInfo.UNKNOWN_TYPE, short_description="Many new values", description=told)
