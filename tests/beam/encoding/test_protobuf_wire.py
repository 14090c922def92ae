import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.beam.encoding import protobuf_wire

EDGES = [0, 1, 127, 128, 16_383, 16_384, 2**31, 2**56 - 1, 2**56, 2**63 - 1, -1, -128, -(2**63)]


def _splits(counts):
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def test_a_varint_is_what_protobuf_writes():
    pieces = protobuf_wire.varints(np.array(EDGES)).to_pylist()
    for value, piece in zip(EDGES, pieces, strict=True):
        expected = tf.train.Int64List(value=[value]).SerializeToString()
        assert expected == b"\x0a" + bytes([len(piece)]) + piece


@pytest.mark.parametrize("top", [100, 2**40])
def test_varints_of_one_size_and_of_none(top):
    assert protobuf_wire.varints(np.array([], np.int64)).to_pylist() == []
    assert protobuf_wire.merge(protobuf_wire.varints(np.full(3, top)), np.array([0, 3])).to_pylist() == [
        protobuf_wire.varints(np.array([top])).to_pylist()[0] * 3
    ]


def test_examples_equal_the_protobuf_api():
    ids = ["", "ascii", "ünï\u4e2d", "x" * 300]
    numbers, weights = np.array([-5, 0, 300, 2**62]), np.array([0.5, -1.0, np.pi, 3e38], np.float32)
    ours = protobuf_wire.example(
        {
            "weight": protobuf_wire.feature(protobuf_wire.FLOAT_LIST, protobuf_wire.floats(weights)),
            "id": protobuf_wire.feature(protobuf_wire.BYTES_LIST, protobuf_wire.strings(ids)),
            "number": protobuf_wire.feature(protobuf_wire.INT64_LIST, protobuf_wire.varints(numbers)),
        }
    ).to_pylist()
    for k, message in enumerate(ours):
        expected = tf.train.Example()
        expected.features.feature["id"].bytes_list.value.append(ids[k].encode())
        expected.features.feature["number"].int64_list.value.append(int(numbers[k]))
        expected.features.feature["weight"].float_list.value.append(weights[k])
        assert tf.train.Example.FromString(message) == expected
        assert len(message) == expected.ByteSize()


@pytest.mark.parametrize("seed", range(20))
def test_sequence_examples_equal_the_protobuf_api(seed):
    random = np.random.default_rng(seed)
    entities = int(random.integers(1, 6))
    # A few lists long enough for lengths of two and three bytes.
    rows = random.integers(0, 200 if seed % 4 == 0 else 4, entities)
    counts = random.integers(0, 400 if seed % 5 == 0 else 4, rows.sum())
    total = int(counts.sum())
    integers = random.integers(-(2**63), 2**63 - 1, total) >> random.integers(0, 64, total)
    numbers = random.normal(size=total).astype(np.float32)
    steps = random.integers(-500, 500, rows.sum())
    names = ["".join(chr(c) for c in random.integers(1, 0xD7FF, random.integers(0, 9))) for _ in range(entities)]
    row_splits, rating_splits = _splits(rows), _splits(counts)
    ours = protobuf_wire.sequence_example(
        {"name": protobuf_wire.feature(protobuf_wire.BYTES_LIST, protobuf_wire.strings(names))},
        {
            "step": protobuf_wire.feature_list(protobuf_wire.INT64_LIST, protobuf_wire.varints(steps), row_splits),
            "integer": protobuf_wire.feature_list(
                protobuf_wire.INT64_LIST,
                protobuf_wire.merge(protobuf_wire.varints(integers), rating_splits),
                row_splits,
            ),
            "number": protobuf_wire.feature_list(
                protobuf_wire.FLOAT_LIST, protobuf_wire.merge(protobuf_wire.floats(numbers), rating_splits), row_splits
            ),
        },
    ).to_pylist()
    assert len(ours) == entities
    for e in range(entities):
        expected = tf.train.SequenceExample()
        expected.context.feature["name"].bytes_list.value.append(names[e].encode())
        for name in ("step", "integer", "number"):
            expected.feature_lists.feature_list[name].SetInParent()
        for row in range(row_splits[e], row_splits[e + 1]):
            part = slice(rating_splits[row], rating_splits[row + 1])
            lists = expected.feature_lists.feature_list
            lists["step"].feature.add().int64_list.value.append(steps[row])
            lists["integer"].feature.add().int64_list.value.extend(integers[part])
            lists["number"].feature.add().float_list.value.extend(numbers[part])
            # An empty list of ours still says what kind it is.
            lists["integer"].feature[-1].int64_list.SetInParent()
            lists["number"].feature[-1].float_list.SetInParent()
        assert tf.train.SequenceExample.FromString(ours[e]) == expected
