from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.authors_format import read_events
from rrn_tf.features import Split

TRAIN = "2 1 5\n1 3 1\n1 2 1\n1 1 3\n4 3 9\n4 3 8\n"  # of user 3 there are none
VALID = "4 1 12\n1 2 9\n1 3 8\n"


def written(folder: Path, train: str = TRAIN, valid: str = VALID) -> tuple[Path, Path]:
    paths = folder / "x-train.txt", folder / "x-valid.txt"
    for path, text in zip(paths, (train, valid), strict=True):
        path.write_text(text)
    return paths


def test_events_are_taken_as_they_are_in_order_of_time_then_item(tmp_path: Path) -> None:
    events = read_events(*written(tmp_path))
    assert (events.num_users, events.num_items) == (4, 3)
    np.testing.assert_array_equal(events.user_splits, [0, 0, 5, 6, 6, 9])
    np.testing.assert_array_equal(events.item, [2, 3, 1, 3, 2, 1, 3, 3, 1])
    np.testing.assert_array_equal(events.timestamp, [1, 1, 3, 8, 9, 5, 8, 9, 12])
    np.testing.assert_array_equal(events.split, [0, 0, 0, 1, 1, 0, 0, 0, 1])
    assert events.user_ids.tolist() == ["1", "2", "3", "4"]


def test_carved_out_events_are_the_last_tenth_of_training(tmp_path: Path) -> None:
    counts = {1: 26, 2: 1, 3: 4}  # a tenth of 26 is 3 events, of 4 one at least, of 1 none
    train = "".join(f"{user} 1 {t}\n" for user, count in counts.items() for t in range(count))
    events = read_events(*written(tmp_path, train, "3 1 30\n1 1 30\n"), carve_out=True)
    for split, expected in ((Split.TRAIN, [23, 1, 3]), (Split.VALID, [3, 0, 1]), (Split.TEST, [1, 0, 1])):
        assert events.counts([split])[1:].tolist() == expected
    for begin, end in zip(events.user_splits[:-1], events.user_splits[1:], strict=True):
        assert (np.diff(events.split[begin:end].astype(int)) >= 0).all()


@pytest.mark.parametrize(
    ("train", "valid", "said"),
    [
        (TRAIN, "5 1 1\n", "x-valid.txt: expected users of training, 1 to 4, found 5"),
        (TRAIN, "1 9 1\n", "x-valid.txt: expected items of training, 1 to 3, found 9"),
        ("0 1 1\n", VALID, "x-train.txt: expected lines 'user item t' with ids from 1, found id 0"),
        ("1 1\n", VALID, "x-train.txt: expected .* found 2 columns"),
        (TRAIN, "", "x-valid.txt: expected .* found none"),
    ],
)
def test_other_files_are_refused(train: str, valid: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        read_events(*written(tmp_path, train, valid))
