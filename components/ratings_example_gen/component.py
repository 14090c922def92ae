"""RatingsExampleGen is a file-based ExampleGen that splits by time."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import struct_pb2
from tfx.components.example_gen import component as example_gen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2, range_config_pb2

from components.ratings_example_gen.executor import DATA_CONFIG, DEAD_LETTERS, INPUT_SPLIT, Executor
from rrn_tf.features import SPLIT_NAMES


class RatingsExampleGen(example_gen.FileBasedExampleGen):
    """Validates ratings, splits them by time and writes one `tf.Example` per rating.

    Output `examples` has the splits of `rrn_tf.features.Split`.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    SPLITS: tuple[str, ...] = SPLIT_NAMES

    def __init__(
        self,
        input_base: str,
        pattern: str,
        data_config: dict[str, Any],
        *,
        dead_letters: str | None = None,
        range_config: range_config_pb2.RangeConfig | None = None,
    ) -> None:
        """Declares the component.

        Args:
          input_base: directory of the ratings; cached output is reused if the matching files are unchanged.
          pattern: file pattern below `input_base`, read as `data_config` says in `format`. With TFX's ``{SPAN}`` and
            ``{VERSION}`` the latest span is read.
          data_config: plain values of `rrn_tf.config.DataConfig`.
          dead_letters: directory for rejected rows. Default: inside the output artifact, which the
            orchestrator removes when the component fails.
          range_config: the span to read, if not the latest.
        """
        packed = struct_pb2.Struct()
        # JSON text inside the Struct, because numbers of a Struct are doubles, but seeds and shards are integers.
        packed.update({DATA_CONFIG: json.dumps(data_config, sort_keys=True), DEAD_LETTERS: dead_letters or ""})
        custom_config = example_gen_pb2.CustomConfig()
        custom_config.custom_config.Pack(packed)
        split = example_gen_pb2.SplitConfig.Split
        super().__init__(
            input_base=input_base,
            input_config=example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name=INPUT_SPLIT, pattern=pattern)]),
            # TFX requires hash buckets; they are not used, because ratings are split by time.
            output_config=example_gen_pb2.Output(
                split_config=example_gen_pb2.SplitConfig(
                    splits=[split(name=name, hash_buckets=1) for name in self.SPLITS]
                )
            ),
            custom_config=custom_config,
            range_config=range_config,
        )
