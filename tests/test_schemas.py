"""The shipped schemas parse and name the features of the contract, with their types."""

from importlib import resources

import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from rrn_tf import features
from rrn_tf.data.reading.time_checks import LAST_SECOND
from rrn_tf.features import Split

TYPES = {schema_pb2.BYTES: tf.string, schema_pb2.INT: tf.int64, schema_pb2.FLOAT: tf.float32}
SEQUENCE = "##SEQUENCE##"


def schema(name):
    text = (resources.files("schemas") / f"{name}.pbtxt").read_text()
    return text_format.Parse(text, schema_pb2.Schema())


def types(entries):
    return {feature.name: TYPES[feature.type] for feature in entries if feature.type in TYPES}


def dtypes(spec):
    return {name: value.dtype for name, value in spec.items()}


def test_rating_examples():
    ratings = schema("ratings")
    slices = {features.MONTH: tf.string, features.USER_ACTIVITY: tf.string}
    assert types(ratings.feature) == dtypes(features.rating_example_spec(labelled=True)) | slices
    assert list(ratings.string_domain[0].value) == [name for _, name in features.ACTIVITY_BUCKETS]


def test_events():
    assert types(schema("events").feature) == dtypes(features.event_example_spec())


@pytest.mark.parametrize("name", ["ratings", "events"])
def test_every_value_is_there_and_timestamps_are_in_range(name):
    for feature in schema(name).feature:
        assert feature.presence.min_fraction == 1
        assert feature.HasField("shape")
        if feature.name == features.TIMESTAMP:
            assert (feature.int_domain.min, feature.int_domain.max) == (0, LAST_SECOND)


def test_sequences():
    sequences = schema("sequences")
    assert types(sequences.feature) == dtypes(features.sequence_context_spec())
    (lists,) = [feature for feature in sequences.feature if feature.name == SEQUENCE]
    assert types(lists.struct_domain.feature) == dtypes(features.sequence_feature_spec())
    (split,) = [feature for feature in lists.struct_domain.feature if feature.name == features.SPLIT]
    assert (split.int_domain.min, split.int_domain.max) == (min(Split), max(Split))
    tensors = sequences.tensor_representation_group[""].tensor_representation
    assert set(tensors) == set(features.sequence_context_spec()) | set(features.sequence_feature_spec())
    for name in features.sequence_feature_spec():
        assert list(tensors[name].ragged_tensor.feature_path.step) == [SEQUENCE, name]
