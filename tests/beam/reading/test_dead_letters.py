import json

import numpy as np
import pyarrow as pa

from rrn_tf.beam.reading.dead_letters import json_lines
from rrn_tf.data.reading.rejected import reason_counts, rejected_batch, rejected_rows


def test_json_lines_hold_any_text():
    texts = ['plain "quoted" \\ back\\slash', "tab\tline\nbreak\x00\x1f", "ü\u4e2d\U0001f600\u2028", ""]
    batch = rejected_batch("a dir/r.csv", np.arange(4) + 7, "some_reason", "it is bad", texts)
    lines = json_lines(batch).decode().split("\n")
    assert [json.loads(line) for line in lines[:-1]] == [row._asdict() for row in rejected_rows(batch)]
    assert lines[-1] == ""
    assert rejected_rows(batch)[1] == ("a dir/r.csv", 8, "some_reason", "a dir/r.csv:8: it is bad", texts[1])


def test_long_rows_are_cut_and_reasons_counted_in_order():
    batch = rejected_batch("r.csv", np.array([1, 2]), "b", ["one", "two"], ["x" * 501, "y"])
    assert [len(row.row) for row in rejected_rows(batch)] == [500, 1]
    assert [row.message for row in rejected_rows(batch)] == ["r.csv:1: one", "r.csv:2: two"]
    assert reason_counts(batch.column(2)) == {"b": 2}
    assert list(reason_counts(pa.array(["c", "a", "c"])).items()) == [("a", 1), ("c", 2)]
