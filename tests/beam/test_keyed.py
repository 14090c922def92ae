"""What is grouped has keys that any runner can encode, and what is united has one coder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest

from rrn_tf.beam.prepare import prepare_sequences
from rrn_tf.beam.prepare_events import prepare_events
from rrn_tf.beam.score import score_pairs
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.config import DataConfig

GROUPED, UNITED = "beam:transform:group_by_key:v1", "beam:transform:flatten:v1"
# Transforms of Beam that group by keys of its own, which every runner knows to replace or to encode.
OF_BEAM = ("/ReshufflePerKey/GroupByKey", "/CombinePerKey/GroupByKey", "/WriteImpl/GroupByKey")
STANDARD = {"beam:coder:varint:v1", "beam:coder:string_utf8:v1", "beam:coder:bytes:v1"}
# The transforms that group by keys of ours.
OF_RATINGS = {"ToShards", "ToUserShards", "ToItemShards", "BackToUserShards"}


class Built(Exception):
    """A pipeline is built, and is not to run."""


def prepared(folder: Path, **options: Any) -> None:
    dead_letters = str(folder / "dead.jsonl")
    prepare_sequences(options.pop("source"), str(folder), DataConfig(), dead_letters=dead_letters, **options)


def events(folder: Path, **options: Any) -> None:
    dead_letters = str(folder / "dead.jsonl")
    prepare_events(options.pop("source"), str(folder), EventDataConfig(), dead_letters=dead_letters, **options)


def scored(folder: Path, source: str) -> None:
    score_pairs("model", source, str(folder / "scores"))


def named(label: str) -> str:
    """Returns the name of the transform of ours that groups."""
    *_, name = (part for part in label.split("/") if part not in ("CoGroupByKeyImpl", "GroupByKey"))
    return name


def collections(transform: Any) -> Iterator[str]:
    yield from transform.inputs.values()
    yield from transform.outputs.values()


@pytest.mark.parametrize(
    ("build", "valid", "expected"),
    [
        (prepared, False, OF_RATINGS),
        (prepared, True, OF_RATINGS),
        (events, False, {"ToShards"}),
        (events, True, {"ToShards"}),
        (scored, False, set()),
    ],
)
def test_keys_and_unions_have_coders_that_every_runner_knows(
    build: Callable[..., None], valid: bool, expected: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def keep(pipeline: beam.Pipeline, **_: Any) -> None:
        built.append(pipeline.to_runner_api())
        raise Built

    monkeypatch.setattr(beam.Pipeline, "run", keep)
    source = tmp_path / "ratings.csv"
    source.write_text("user_id,item_id,rating,timestamp\nu,i,1,2\n")
    with pytest.raises(Built):
        build(tmp_path / "output", source=str(source), **({"valid": str(source)} if valid else {}))
    (pipeline,) = built
    known = pipeline.components
    coder_of = {name: collection.coder_id for name, collection in known.pcollections.items()}
    found = set()
    for transform in known.transforms.values():
        if transform.spec.urn == UNITED:
            assert len({coder_of[name] for name in collections(transform)}) == 1, transform.unique_name
        if transform.spec.urn == GROUPED and not transform.unique_name.endswith(OF_BEAM):
            (grouped,) = transform.inputs.values()
            key, _ = known.coders[coder_of[grouped]].component_coder_ids
            assert known.coders[key].spec.urn in STANDARD, transform.unique_name
            found.add(named(transform.unique_name))
    assert found == expected
