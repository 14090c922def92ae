from __future__ import annotations

from matplotlib.figure import Figure as Canvas

from rrn_tf.evaluation.experiments.exhibits import Figure, Omitted
from rrn_tf.evaluation.experiments.learning_curves import learning_curves

CURVES = {"train": "training", "held": "validation"}


def curves(best: int | None, *held: float | None) -> Figure | Omitted:
    epochs = [{"epoch": at + 1, "train": 1.0 - at / 10, "held": value} for at, value in enumerate(held)]
    return learning_curves({"epochs": epochs, "best_epoch": best}, CURVES, "held", "RMSE")


def test_the_epoch_that_was_kept_is_told_and_drawn() -> None:
    found = curves(2, 0.9, 0.8, 0.85)
    assert "Epoch 2 was kept, whose validation RMSE is 0.8000. The last epoch has 0.8500" in found.caption
    assert found.frame.columns.tolist() == ["epoch", "training", "validation"]
    canvas = Canvas()
    found.draw(canvas)
    (axes,) = canvas.axes
    legend = axes.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["training", "validation"]
    assert len({line.get_linestyle() for line in axes.lines if line.get_marker() not in {"None", "", "|", "_"}}) == 2


def test_other_ends_of_training() -> None:
    assert "more epochs may help" in curves(3, 0.9, 0.8, 0.7).caption
    assert "no epoch was better than the start" in curves(0, 0.9).caption
    assert "Nothing was held out" in curves(None, None, None).caption
    assert isinstance(learning_curves({}, CURVES, "held", "RMSE"), Omitted)
