"""Learning curves: the error after each epoch, in training and on validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from rrn_tf.evaluation.experiments.drawing import Series, draw_series, ink
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Omitted
from rrn_tf.evaluation.experiments.sentences import listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

NAME, TITLE = "learning_curves", "Error after each epoch of training"


def learning_curves(
    metrics: Mapping[str, Any], curves: Mapping[str, str], validation: str, unit: str, note: str = ""
) -> Exhibit:
    """Draws the figures that training wrote after each epoch.

    Args:
      metrics: the content of `metrics.json`.
      curves: what each figure of an epoch is called in the legend, by its key, such as ``valid_rmse``.
      validation: the key of the figure by which the epoch to keep is chosen; lower is better.
      unit: of all figures, such as ``RMSE``.
      note: a sentence that the caption ends with.
    """
    epochs = pd.DataFrame(metrics.get("epochs", []))
    curves = {key: name for key, name in curves.items() if key in epochs and epochs[key].notna().any()}
    if not curves:
        reason = "The run has no figures of its epochs: it has no metrics.json, or was not trained for a whole epoch."
        return Omitted(NAME, TITLE, reason)
    frame = epochs[["epoch", *curves]].rename(columns=curves)
    best = metrics.get("best_epoch")

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        draw_series(axes, [Series(name, frame["epoch"], frame[name]) for name in curves.values()], "epoch", unit)
        axes.locator_params(axis="x", integer=True)
        if best:
            axes.axvline(best, color=ink(axes), linewidth=0.8, linestyle=":")
            axes.annotate(" kept", (best, 1), xycoords=("data", "axes fraction"), va="top", fontsize="small")

    return Figure(NAME, TITLE, f"{_caption(frame, curves, validation, best, unit)} {note}".strip(), frame, draw)


def _caption(frame: pd.DataFrame, curves: Mapping[str, str], validation: str, best: int | None, unit: str) -> str:
    sentences = [f"The {unit} after each of {len(frame)} epochs, as a line each for {listed(list(curves.values()))}."]
    if validation not in curves:
        return f"{sentences[0]} Nothing was held out for validation, so the last epoch is the one that was kept."
    of = frame.set_index("epoch")[curves[validation]]
    if best == 0:
        sentences.append(
            "On validation no epoch was better than the start itself, so the model before training was kept."
        )
    elif best is not None and best in of.index:
        sentences.append(f"Epoch {best} was kept, whose validation {unit} is {of[best]:.4f}.")
        if best == of.index[-1]:
            sentences.append("That is the last one: the error may still have been falling, and more epochs may help.")
        else:
            sentences.append(f"The last epoch has {of.iloc[-1]:.4f}: what was learnt after epoch {best} did not help.")
    return " ".join(sentences)
