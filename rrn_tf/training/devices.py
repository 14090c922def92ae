"""Devices for a MirroredStrategy."""

from __future__ import annotations

import tensorflow as tf


def set_logical_devices(replicas: int) -> None:
    """Divides the CPU into `replicas` logical devices where there is no GPU.

    TensorFlow allows it only before its first operation, so a program calls this at its start.
    """
    if replicas > 1 and not tf.config.list_physical_devices("GPU"):
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)


def make_strategy(replicas: int = 0) -> tf.distribute.Strategy:
    """MirroredStrategy over `replicas` devices: GPUs if there are any, else (logical) CPUs.

    Args:
      replicas: number of devices; 0 takes every GPU, or one CPU.

    Raises:
      ValueError: where there are fewer devices (see `set_logical_devices`).
    """
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    devices = tf.config.list_logical_devices(kind)
    wanted = replicas or (len(devices) if kind == "GPU" else 1)
    if wanted > len(devices):
        raise ValueError(f"expected {wanted} {kind} devices for {wanted} replicas, found {len(devices)}")
    return tf.distribute.MirroredStrategy([device.name for device in devices[:wanted]])
