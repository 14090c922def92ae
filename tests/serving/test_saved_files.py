"""A saved model that is damaged, incomplete, of another kind or not of this package is refused in one line."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from rrn_tf import checksums
from rrn_tf.cli.main import main
from rrn_tf.serving import export
from rrn_tf.serving.load import load_saved_model
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_files import NEXT_ITEMS, RECOMMEND, ModelNotFoundError, check_saved_model, loaded_module
from rrn_tf.serving.saved_rrn import SavedRRN
from tests.recommended import early_and_late, rating_frame

pytestmark = pytest.mark.usefixtures("models_load_once")

DATA = "variables/variables.data-00000-of-00001"


def emptied(name: str) -> Callable[[Path], None]:
    return lambda model: (model / name).write_bytes(b"")


def removed(name: str) -> Callable[[Path], None]:
    def remove(model: Path) -> None:
        shutil.rmtree(model / name) if (model / name).is_dir() else (model / name).unlink()

    return remove


def cut(name: str) -> Callable[[Path], None]:
    return lambda model: (model / name).write_bytes((model / name).read_bytes()[:1_000])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (emptied(DATA), f"not whole, {DATA} is empty"),
        (emptied("variables/variables.index"), "not whole, variables/variables.index is empty"),
        (removed("variables"), f"not whole, it lacks variables/variables.index, {DATA}"),
        (removed("assets"), r"not whole, it lacks assets/held_out_users.txt, assets/items.txt, assets/users.txt"),
        (removed("assets/users.txt"), r"not whole, it lacks assets/users.txt"),
        (cut(DATA), "found one that cannot be read: "),
        (cut("saved_model.pb"), "found one that cannot be read: saved_model.pb is damaged"),
        (emptied("saved_model.pb"), "found one that cannot be read: saved_model.pb is damaged"),
    ],
)
def test_a_spoilt_model_is_refused(spoil: Callable[[Path], None], said: str, rating_run: Path, tmp_path: Path) -> None:
    shutil.copytree(rating_run / "model", tmp_path / "model")
    spoil(tmp_path / "model")
    with pytest.raises(ModelNotFoundError, match=f"{tmp_path}/model: .*{said}") as told:
        load_saved_model(tmp_path / "model")
    assert "\n" not in str(told.value)
    assert str(told.value).endswith("copy its whole folder again, or train again")


def test_a_model_of_the_other_kind_is_refused(rating_run: Path, event_run: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"expected a model of ratings \(RRN\), found a model of events"):
        SavedRRN(event_run)
    with pytest.raises(ModelNotFoundError, match=r"expected a model of events .*, found a model of ratings \(RRN\)$"):
        SavedCollaborativeRNN(rating_run)
    assert check_saved_model(rating_run / "model") == RECOMMEND
    assert check_saved_model(event_run / "model", RECOMMEND, NEXT_ITEMS) == NEXT_ITEMS


def test_a_module_is_passed_on() -> None:
    module = object()
    assert loaded_module(module, RECOMMEND) is module


def test_a_command_reads_each_file_of_a_model_for_its_checksum_once(
    rating_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Counter[Path] = Counter()

    def digest(path: Path) -> str:
        read[path] += 1
        return checksum(path)

    checksum = checksums._sha256
    monkeypatch.setattr(checksums, "_sha256", digest)
    queries = tmp_path / "queries.csv"
    early_and_late(rating_frame())[1].to_csv(queries, index=False)
    model = ["--model", str(rating_run)]
    for command in (
        ["predict", *model, "--queries", str(queries), "--output", str(tmp_path / "predicted.csv")],
        ["score", *model, "--queries", str(queries), "--output", str(tmp_path / "scored")],
        ["evaluate", *model, "--data", str(queries)],
        ["recommend", *model, "--user", "1"],
    ):
        read.clear()
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 0, done.output
        sealed = json.loads((rating_run / "model" / "assets.extra" / "checksums.json").read_text())
        assert read == {rating_run / "model" / name: 1 for name in sealed}, command


def test_an_asset_that_is_lost_while_a_model_is_exported_is_told(
    rating_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = SavedRRN(rating_run / "model").load_model()

    def lose(model: Path, *_: object) -> None:
        (model / "assets" / "items.txt").unlink()

    monkeypatch.setattr(export, "write_warmup", lose)
    with pytest.raises(
        ModelNotFoundError, match=f"{tmp_path}/model: the model is not whole, it lacks assets/items.txt"
    ):
        export.export_saved_model(network, tmp_path / "model")
