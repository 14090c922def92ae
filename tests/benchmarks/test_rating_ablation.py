"""The ladder climbs to the default, each rung a configuration of its own."""

from __future__ import annotations

from benchmarks.rating_ablation import LADDER
from rrn_tf.config import RRN_PLUS, load_config


def test_every_rung_is_another_configuration_and_the_last_is_the_default() -> None:
    configs = [load_config(rung.preset, rung.settings) for rung in LADDER]
    assert all(config not in configs[:number] for number, config in enumerate(configs))
    assert configs[-1] == load_config(RRN_PLUS)
