"""The check of published counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import published_counts


def test_counts_are_printed_beside_the_published_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{k % 4}\t2010-10-12T00:{k // 60:02d}:{k % 60:02d}Z\t1\t2\tp{k % 3}" for k in range(400)]
    path = tmp_path / "b.txt"
    path.write_text("\n".join([*lines, "9\t2010-10-12T00:00:00Z\t\t\t"]) + "\n")
    published = published_counts.Published(4, 5, 400, min_user_entropy=1.0, kept=(64, 2))
    monkeypatch.setitem(published_counts.PUBLISHED, "brightkite", published)
    result = CliRunner().invoke(published_counts.main, [f"brightkite:{path}", "--json", str(tmp_path / "c.json")])
    assert result.exit_code == 0, result.output
    words = [line.split() for line in result.output.splitlines()]
    assert words[:4] == [
        ["found", "published"],
        ["users", "4", "4"],
        ["items", "3", "5", "differs"],
        ["events", "400", "400"],
    ]
    assert words[4][:2] == ["kept", "264"]
    assert words[6] == ["rejected", "1", "item_id_missing"]
    figures = json.loads((tmp_path / "c.json").read_text())
    assert figures["found"] == {"users": 4, "items": 3, "events": 400}
    assert figures["rejected"] == {"item_id_missing": 1}


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        ("ratings.csv", 2, "expected one of brightkite, lastfm-1k, lastfm-1k-ids with :PATH, found 'ratings.csv'"),
        ("brightkite:nowhere", 1, "Error: nowhere: expected events, found no such file"),
    ],
)
def test_bad_arguments_end_in_one_line(data: str, code: int, said: str) -> None:
    result = CliRunner().invoke(published_counts.main, [data])
    assert result.exit_code == code
    assert said in result.output.splitlines()[-1]
