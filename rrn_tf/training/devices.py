"""The devices that training runs on: those of one machine, or those of several workers."""

from __future__ import annotations

from functools import cache

import tensorflow as tf

from rrn_tf.cluster import several_workers


def set_logical_devices(replicas: int) -> None:
    """Divides the CPU into `replicas` logical devices if there is no GPU.

    TensorFlow allows it only before its first operation, so a program calls this at its start.
    """
    if replicas > 1 and not tf.config.list_physical_devices("GPU"):
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)


def make_strategy(replicas: int = 0) -> tf.distribute.Strategy:
    """Returns a MirroredStrategy over `replicas` devices: GPUs if there are any, else (logical) CPUs.

    If TF_CONFIG names several workers, it is a MultiWorkerMirroredStrategy over all GPUs of each, or one CPU of each.
    TensorFlow allows that only before its first operation.

    Args:
      replicas: number of devices; 0 means every GPU, or one CPU.

    Raises:
      ValueError: if there are fewer devices (see `set_logical_devices`), or if `replicas` is set with several workers.
    """
    if several_workers():
        if replicas:
            raise ValueError(f"training.replicas should be 0 where TF_CONFIG has several workers, received {replicas}")
        return tf.distribute.MultiWorkerMirroredStrategy()
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    devices = tf.config.list_logical_devices(kind)
    wanted = replicas or (len(devices) if kind == "GPU" else 1)
    if wanted > len(devices):
        raise ValueError(f"expected {wanted} {kind} devices for {wanted} replicas, found {len(devices)}")
    return _mirrored(tuple(device.name for device in devices[:wanted]))


@cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.MirroredStrategy:
    # One strategy per set of devices: collective operations of a second one would conflict with those of the first.
    return tf.distribute.MirroredStrategy(devices)
