"""Limits of a request."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.serving.requests import LARGEST_ANSWER, LONGEST_HISTORY, answer_width, bounded, same_widths


def test_times_stay_within_a_thousand_years() -> None:
    found = bounded(tf.constant([-(2**63), -5, 1_700_000_000, 2**63 - 1], tf.int64)).numpy()
    np.testing.assert_array_equal(found, [-(2**35), -5, 1_700_000_000, 2**35])


def test_answers_are_as_wide_as_there_are_choices() -> None:
    for k, width in ((-(2**31), 0), (0, 0), (3, 3), (8, 7), (2**31 - 1, 7)):
        assert answer_width(tf.constant(k), tf.constant(9), tf.constant(7)) == width


def test_answers_that_are_too_large_are_refused() -> None:
    rows = LARGEST_ANSWER // 100
    assert answer_width(tf.constant(100), tf.constant(rows), tf.constant(10**6)) == 100
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"at most {LARGEST_ANSWER} items .rows times k., found"):
        answer_width(tf.constant(101), tf.constant(rows), tf.constant(10**6))


def test_histories_that_are_too_long_are_refused() -> None:
    (history,) = same_widths(history=tf.zeros([1, LONGEST_HISTORY], tf.string))
    assert history.shape == (1, LONGEST_HISTORY)
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"at most {LONGEST_HISTORY} columns of history, found"):
        same_widths(history=tf.zeros([1, LONGEST_HISTORY + 1], tf.string))
