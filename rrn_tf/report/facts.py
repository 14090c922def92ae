"""What a report says about its run: the data, the training, the settings and the versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rrn_tf.environment import environment
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.features import SIDES, Split
from rrn_tf.report.subjects_of_runs import Subject
from rrn_tf.times import utc_text

_PACKAGES = ("tensorflow", "numpy", "pandas", "matplotlib", "jinja2")


def data_facts(subject: Subject) -> dict[str, Any]:
    """Returns the numbers of users, items and rows by split, and the time that the rows span."""
    if isinstance(subject, RatingSubject):
        metadata, user, rows = subject.sequences.metadata, subject.sequences.user, "ratings"
        times, split = user.timestamp, user.split
        counts = {f"{side.value}s": metadata.entities(side).total for side in SIDES}
        counts |= {f"{side.value}s with training ratings": metadata.entities(side).trained for side in SIDES}
        facts: dict[str, Any] = {**counts, "cutoff": utc_text(metadata.cutoff)}
    else:
        times, split, rows = subject.sequences.timestamp, subject.sequences.split, "events"
        facts = {"users": subject.sequences.num_users, "items": subject.sequences.num_items}
    for of in Split:
        if count := int((split == of).sum()):
            name, unseen, _ = of.label.partition("_cold")
            facts[f"{name} {rows}{' of unseen users or items' if unseen else ''}"] = count
    if len(times):
        facts |= {f"first of the {rows}": utc_text(int(times.min())), f"last of the {rows}": utc_text(int(times.max()))}
    return facts


def training_facts(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what `metrics.json` says of the training: epochs, the best one, and seconds."""
    facts: dict[str, Any] = {}
    if "epochs" in metrics:
        facts["epochs"] = len(metrics["epochs"])
    if "best_epoch" in metrics:
        facts["best epoch"] = metrics["best_epoch"]
    return facts | {f"seconds to {what}": value for what, value in metrics.get("seconds", {}).items()}


def report_facts(seed: int) -> dict[str, Any]:
    """Returns the versions that made the report, its seed, and the peak memory of this process."""
    return environment(seed, packages=_PACKAGES)
