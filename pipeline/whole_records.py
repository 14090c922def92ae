"""Mends ML Metadata's SQLite file where a full disk cut a record in two."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

# By table and column: the table whose rows it names. Rows come before those that name them.
_REFERENCES = {
    ("Event", "artifact_id"): "Artifact",
    ("Event", "execution_id"): "Execution",
    ("EventPath", "event_id"): "Event",
    ("Attribution", "artifact_id"): "Artifact",
    ("Attribution", "context_id"): "Context",
    ("Association", "execution_id"): "Execution",
    ("Association", "context_id"): "Context",
    ("ArtifactProperty", "artifact_id"): "Artifact",
    ("ExecutionProperty", "execution_id"): "Execution",
    ("ContextProperty", "context_id"): "Context",
}


def without_halves(file: Path) -> int:
    """Removes rows that name an artifact, an execution or a context that is not there, and returns how many.

    On a full disk SQLite takes a transaction back, and ML Metadata goes on with its further rows. Those would name
    whatever gets the number next, and reading them fails until then.

    Args:
      file: the SQLite file, to which nobody else is writing; it need not exist.

    Raises:
      sqlite3.OperationalError: if the disk is still full.
    """
    if not file.exists():
        return 0
    removed = 0
    with contextlib.closing(sqlite3.connect(file)) as records, records:
        tables = {name for (name,) in records.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for (table, column), of in _REFERENCES.items():
            if {table, of} <= tables:
                lost = f"FROM {table} WHERE {column} NOT IN (SELECT id FROM {of})"  # noqa: S608 - names from above
                if records.execute(f"SELECT 1 {lost} LIMIT 1").fetchone():
                    removed += records.execute(f"DELETE {lost}").rowcount
    return removed
