from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure as Canvas

from rrn_tf.evaluation.experiments.drawing import label_beside


@pytest.mark.parametrize("y", [[0.5, 0.5, 0.5, 0.1], [0.99, 1.0, 0.98], [0.3]])
def test_labels_are_in_the_order_of_their_points_and_apart(y: list[float]) -> None:
    axes = Canvas().subplots()
    axes.set_ylim(0, 1)
    label_beside(axes, np.arange(len(y)), y, [str(at) for at in range(len(y))])
    height = {int(text.get_text()): text.get_position()[1] for text in axes.texts}
    order = np.argsort(y, kind="stable")
    assert all(np.diff([height[at] for at in order]) >= 0.08 - 1e-9)
    assert max(height.values()) <= 1
    assert height[order[0]] == pytest.approx(min(y), abs=0.2)
