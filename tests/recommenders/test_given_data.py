"""What a recommender is given to train with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rrn_tf import RRNRecommender
from rrn_tf.recommenders import base
from tests.recommended import rating_frame


def test_titles_of_a_frame_or_a_file_go_along_with_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[pd.DataFrame | None] = []
    monkeypatch.setattr(base, "train_run", lambda *of, items, **others: given.append(items))
    monkeypatch.setattr(RRNRecommender, "adopt", lambda self, root: self)
    frame = pd.DataFrame({"item_id": [7], "title": ["One (1999)"]})
    frame.to_csv(tmp_path / "items.csv", index=False)
    of: Any
    for of in (frame, tmp_path / "items.csv", None):
        RRNRecommender().fit(rating_frame(), items=of, output=tmp_path / "run")
    *both, none = given
    assert none is None
    for items in both:
        assert items is not None
        assert items.to_dict("list") == {"item_id": ["7"], "title": ["One (1999)"], "year": [1999]}
    with pytest.raises(ValueError, match=r"^data frame: expected a line of names with item_id and title"):
        RRNRecommender().fit(rating_frame(), items=frame[["title"]], output=tmp_path / "run")
