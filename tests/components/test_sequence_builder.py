"""SequenceBuilder: a prepared data set inside a standard Examples artifact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2

from components.sequence_builder.executor import decode_ratings
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.features import Split


def test_artifact_is_standard(sequences: Any) -> None:
    assert json.loads(sequences.split_names) == ["user_sequences", "item_sequences"]
    assert examples_utils.get_payload_format(sequences) == example_gen_pb2.FORMAT_TF_SEQUENCE_EXAMPLE
    (first, *_) = sorted(Path(sequences.uri, "Split-user_sequences").glob("*"))
    record = next(iter(tf.data.TFRecordDataset([str(first)]))).numpy()
    assert "step" in tf.train.SequenceExample.FromString(record).feature_lists.feature_list


def test_every_rating_keeps_its_split(sequences: Any, examples: Any) -> None:
    loaded = load_sequences(sequences.uri)
    assert sum(loaded.metadata.ratings.values()) == 600
    assert loaded.metadata.ratings["train"] == 480
    assert len(loaded.rating_indices([Split.TRAIN])) == 480
    assert loaded.user.timestamp[loaded.rating_indices([Split.TRAIN])].max() < loaded.metadata.cutoff


def test_metadata_counts_rejected_rows(sequences: Any) -> None:
    assert sum(load_sequences(sequences.uri).metadata.rejected.values()) == 1


def test_decoding_refuses_an_example_without_a_rating(tmp_path: Path) -> None:
    example = tf.train.Example()
    example.features.feature["user_id"].bytes_list.value.append(b"u")
    example.features.feature["item_id"].bytes_list.value.append(b"i")
    example.features.feature["timestamp"].int64_list.value.append(7)
    path = str(tmp_path / "ratings.gz")
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        writer.write(example.SerializeToString())
    with pytest.raises(ValueError, match="expected one rating an Example, found 0 in 1"):
        list(decode_ratings(path, Split.TEST))


def test_decoding_keeps_values_and_unicode(tmp_path: Path) -> None:
    example = tf.train.Example()
    example.features.feature["user_id"].bytes_list.value.append("Zoë".encode())
    example.features.feature["item_id"].bytes_list.value.append(b"")
    example.features.feature["rating"].float_list.value.append(3.5)
    example.features.feature["timestamp"].int64_list.value.append(2**40)
    path = str(tmp_path / "ratings.gz")
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        writer.write(example.SerializeToString())
        writer.write(example.SerializeToString())
    (batch,) = decode_ratings(path, Split.TEST)
    row = {"user_id": "Zoë", "item_id": "", "rating": 3.5, "timestamp": 2**40, "split": 2}
    assert batch.to_pylist() == [row, row]
