"""Computes a report and writes its files, all or none."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from rrn_tf.evaluation.experiments.exhibits import Figure, Omitted, Table
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.report.explore import explore_data
from rrn_tf.report.facts import data_facts, report_facts, training_facts
from rrn_tf.report.page import Heading, page_of
from rrn_tf.report.parts import OnPart, Part, parts_of
from rrn_tf.report.run_files import RunFiles
from rrn_tf.report.subjects_of_runs import Subject

PAGE_FILE, RECORD_FILE = "report.html", "report.json"
FIGURES, TABLES = "figures", "tables"


def write_report(
    files: RunFiles,
    subject: Subject,
    output: Path,
    *,
    without: Collection[str] = (),
    on_part: OnPart | None = None,
    on_failure: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Computes the report of a run and writes it: the page, figures as PNG and SVG, tables as CSV, and a record.

    Args:
      files: the files of the run.
      subject: the run, as `rrn_tf.report.subjects_of_runs.subject_of` makes it.
      output: the folder to write to. What an earlier report left there is replaced, once this one is complete.
      without: names of experiments to leave out.
      on_part, on_failure: as in `rrn_tf.report.parts.parts_of`.

    Returns:
      The content of `report.json`: the run, its data, what is shown, seconds, the size of the page, and versions.

    Raises:
      ExperimentError: if an experiment fails and there is no `on_failure`; nothing is written then.
    """
    seconds = {}
    begin = time.perf_counter()
    _ = subject.predictions if isinstance(subject, RatingSubject) else subject.scores
    seconds["baselines"] = time.perf_counter() - begin

    begin = time.perf_counter()
    parts = parts_of(files.task.name, subject, without, on_part, on_failure)
    seconds["experiments"] = time.perf_counter() - begin

    begin = time.perf_counter()
    explored = explore_data(subject)
    seconds["explore"] = time.perf_counter() - begin

    seconds = {name: round(value, 3) for name, value in seconds.items()}
    about = report_facts(subject.options.seed)
    heading = Heading(
        title=f"{'Ratings' if isinstance(subject, RatingSubject) else 'Events'} of {files.name}",
        data=data_facts(subject),
        training=training_facts(subject.metrics),
        report={
            "run": files.name,
            "seed": subject.options.seed,
            **{f"seconds of {name}": value for name, value in seconds.items()},
        },
        config=subject.config,
        versions=about["versions"],
    )
    page = page_of(heading, parts, explored)
    record = {
        "run": files.name,
        "model": str(files.model),
        "task": files.task.name,
        "data": dict(heading.data),
        "experiments": [_record_of(part) for part in parts],
        "seconds": seconds,
        "page_bytes": len(page.encode()),
        **about,
    }
    _write(output, page, record, parts)
    return record


def _record_of(part: Part) -> dict[str, Any]:
    """Returns what `report.json` says of an experiment."""
    shown = []
    for exhibit in part.exhibits:
        told = {"name": exhibit.name, "title": exhibit.title, "kind": type(exhibit).__name__.lower()}
        shown.append(told | ({"reason": exhibit.reason} if isinstance(exhibit, Omitted) else {}))
    return {
        "name": part.name,
        "title": part.title,
        "source": part.source,
        "seconds": round(part.seconds, 3),
        "exhibits": shown,
    }


def _write(output: Path, page: str, record: Mapping[str, Any], parts: Sequence[Part]) -> None:
    """Writes all files to a hidden folder, then puts them where those of an earlier report were."""
    draft = output / ".report.draft"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        for name in (FIGURES, TABLES):
            (draft / name).mkdir(parents=True)
        for part in parts:
            for name, drawing in part.drawings.items():
                (draft / FIGURES / f"{name}.svg").write_text(drawing.svg, encoding="utf-8")
                (draft / FIGURES / f"{name}.png").write_bytes(drawing.png)
            for exhibit in part.exhibits:
                if isinstance(exhibit, Figure | Table):
                    exhibit.frame.to_csv(draft / TABLES / f"{exhibit.name}.csv", index=False)
        (draft / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n")
        (draft / PAGE_FILE).write_text(page, encoding="utf-8")
        for name in (FIGURES, TABLES):
            shutil.rmtree(output / name, ignore_errors=True)
        for name in (FIGURES, TABLES, RECORD_FILE, PAGE_FILE):
            (draft / name).replace(output / name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
