"""Anomalies of data as lines to read."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import anomalies_pb2


def anomaly_lines(anomalies: anomalies_pb2.Anomalies) -> list[str]:
    """Returns anomalies as ``feature: description`` lines, in order of features; empty for good data."""
    lines = [f"{name}: {info.description}" for name, info in sorted(anomalies.anomaly_info.items())]
    if anomalies.HasField("dataset_anomaly_info"):
        lines.append(anomalies.dataset_anomaly_info.description)
    return lines
