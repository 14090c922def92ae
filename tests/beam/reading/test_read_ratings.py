import apache_beam as beam
import pytest

from rrn_tf import features
from rrn_tf.beam.reading import read_ratings
from rrn_tf.beam.reading.errors import surfaced_errors
from rrn_tf.beam.reading.read_ratings import ReadRatings
from rrn_tf.data.prepared import BadInputError
from tests.data.reading.bad_rows import HEADER
from tests.data.reading.test_blocks import write


def test_the_transform_reads_every_file_and_counts_in_metrics(tmp_path):
    write(tmp_path / "b.csv", HEADER + b"u,i,3,4\nu,i,x,4\n")
    write(tmp_path / "a.csv.gz", HEADER + b"v,i,3,4\nv,j,3\n")
    pipeline = beam.Pipeline()
    read = pipeline | ReadRatings(str(tmp_path / "*.csv*"), block_bytes=10)
    seen = tmp_path / "seen.txt"
    rows = read[read_ratings.RATINGS] | beam.FlatMap(lambda batch: [row[features.USER_ID] for row in batch.to_pylist()])
    _ = rows | beam.io.WriteToText(str(seen), shard_name_template="")
    result = pipeline.run()
    assert sorted(seen.read_text().split()) == ["u", "v"]
    counters = {c.key.metric.name: c.committed for c in result.metrics().query()["counters"]}
    assert counters["rating_not_a_number"] == counters["field_count"] == 1
    assert counters["good_rows"] == 2


def test_a_missing_file_and_a_header_in_a_worker_are_one_line(tmp_path):
    with pytest.raises(BadInputError, match=r"nowhere.csv: expected ratings, found no such file$"):
        ReadRatings(str(tmp_path / "nowhere.csv"))
    write(tmp_path / "r.csv", b"a,b\n")
    with pytest.raises(BadInputError) as error, surfaced_errors(), beam.Pipeline() as pipeline:
        _ = pipeline | ReadRatings(str(tmp_path / "r.csv"))
    expected = f"{tmp_path}/r.csv:1: expected columns user_id,item_id,rating,timestamp, found 'a,b': name them by"
    assert str(error.value).startswith(expected)
    assert "\n" not in str(error.value)
